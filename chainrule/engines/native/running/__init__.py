"""Running a program: machine code, the cache on the disk, and the threads."""

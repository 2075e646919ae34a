"""The native code in which workers sleep and are woken, in LLVM's textual form.

On Linux a thread can sleep until a word in memory changes (a futex). A worker notes the word,
counts itself among the sleepers, looks once more whether a program runs, and sleeps; the caller
begins a program, looks whether somebody sleeps, and changes the word: one of the two sees the
other. The caller wakes one worker and goes on; each that was woken wakes two more.
"""

#: the number of the system call, by architecture, and what it is asked for, of threads of one
#: process
FUTEX = {"x86_64": 202, "aarch64": 98}
WAIT, WAKE = 128, 129

SLEEPING = """
; Sleep until somebody wakes this worker, unless there is something to do.
define internal void @sleep(ptr %control, i64 %thread) nounwind {
  %futex.at = getelementptr %control, ptr %control, i32 0, i32 14
  %futex = load ptr, ptr %futex.at
  %allowed.at = getelementptr %control, ptr %control, i32 0, i32 8
  %use.at = getelementptr %control, ptr %control, i32 0, i32 16
  %sleepers.at = getelementptr %control, ptr %control, i32 0, i32 17
  %signal.at = getelementptr %control, ptr %control, i32 0, i32 18
  %signal = load atomic i32, ptr %signal.at seq_cst, align 8
  %before = atomicrmw add ptr %sleepers.at, i64 1 seq_cst
  %use = load atomic i64, ptr %use.at seq_cst, align 8
  %running = icmp ne i64 %use, 0
  %allowed = load atomic i64, ptr %allowed.at seq_cst, align 8
  %dismissed = icmp sge i64 %thread, %allowed
  %wanted = or i1 %running, %dismissed
  br i1 %wanted, label %awake, label %wait
wait:                      ; returns at once if the signal is another one by now
  %expected = zext i32 %signal to i64
  %code = call i64 (i64, ...) %futex(
      i64 $FUTEX, ptr %signal.at, i64 $WAIT, i64 %expected, ptr null, ptr null, i64 0)
  br label %awake
awake:
  %after = atomicrmw sub ptr %sleepers.at, i64 1 seq_cst
  ret void
}

; Wake so many workers, if the program wants more than are awake.
define internal void @wake_some(ptr %control, i64 %most) nounwind {
  %sleepers.at = getelementptr %control, ptr %control, i32 0, i32 17
  %sleepers = load atomic i64, ptr %sleepers.at seq_cst, align 8
  %nobody = icmp sle i64 %sleepers, 0
  br i1 %nobody, label %leave, label %count
count:
  %wanted.at = getelementptr %control, ptr %control, i32 0, i32 19
  %wanted = load atomic i64, ptr %wanted.at monotonic, align 8
  %started.at = getelementptr %control, ptr %control, i32 0, i32 20
  %started = load atomic i64, ptr %started.at monotonic, align 8
  %awake = sub i64 %started, %sleepers
  %enough = icmp sge i64 %awake, %wanted
  br i1 %enough, label %leave, label %some
some:
  call void @wake(ptr %control, i64 %most)
  ret void
leave:
  ret void
}

; Wake so many workers.
define void @wake(ptr %control, i64 %most) nounwind {
  %futex.at = getelementptr %control, ptr %control, i32 0, i32 14
  %futex = load ptr, ptr %futex.at
  %signal.at = getelementptr %control, ptr %control, i32 0, i32 18
  %before = atomicrmw add ptr %signal.at, i32 1 seq_cst
  %code = call i64 (i64, ...) %futex(
      i64 $FUTEX, ptr %signal.at, i64 $WAKE, i64 %most, ptr null, ptr null, i64 0)
  ret void
}

; Have workers come for a program whose largest region has so many tasks.
define internal void @call_workers(ptr %control, i64 %width) nounwind {
  %allowed.at = getelementptr %control, ptr %control, i32 0, i32 8
  %allowed = load i64, ptr %allowed.at
  %few = icmp slt i64 %width, %allowed
  %threads = select i1 %few, i64 %width, i64 %allowed
  %wanted = sub i64 %threads, 1
  %wanted.at = getelementptr %control, ptr %control, i32 0, i32 19
  store atomic i64 %wanted, ptr %wanted.at monotonic, align 8
  %core.at = getelementptr %control, ptr %control, i32 0, i32 4
  %here = call i64 @core(ptr %control)
  store atomic i64 %here, ptr %core.at monotonic, align 8
  call void @wake_some(ptr %control, i64 1)
  ret void
}
"""

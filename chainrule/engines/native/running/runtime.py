"""The native code that runs a program on several threads, in LLVM's textual form.

The format of programs is described in program.py.

How threads share a region: the caller takes tasks from its front, workers from its back, so
that a thread finds in its cache what it wrote in the region before. The lower half of `word`
counts the tasks that were taken from the front; the upper half counts up from minus the number
of all tasks, by one for each that was taken from the back. While both together are negative,
some are left: one atomic addition thus claims a task and proves that it belongs to the region
that is running, however long ago the thread looked last. Whoever finds nothing left adds the
number of its own tasks to `finished`. The caller waits for tasks that were claimed, never for
threads: a thread that sleeps costs nothing. Workers sleep and are woken in this code, where the
system has a call for that: to come back to Python they would have to wait for its lock, which
the caller holds between two programs. Data written by tasks travels with release and
acquire on these two.
"""

from __future__ import annotations

from chainrule.engines.native.running.interpreter import INTERPRETER
from chainrule.engines.native.running.sleeping import FUTEX, SLEEPING, WAIT, WAKE
from chainrule.engines.native.running.target import Target

BUSY = -(1 << 63)  # `run` returns this where the control block is in use

NAP_MICROSECONDS = 50
LIMIT = 1024  # most threads
WORDS = 64 + LIMIT  # 64-bit words of a control block
#: words of the control block that Python writes or reads; they start 128 bytes apart where
#: different threads write them
CORE, ALLOWED, SPIN, PATIENCE, YIELD, NAP, GET_CORE, SYSCALL = 4, 32, 33, 34, 35, 36, 37, 38
IN_USE, STARTED, FIRST_SCRATCH = 48, 52, 64

#: architecture → how to wait a moment, how to read a clock, and what both need
_MACHINES = {
    "x86_64": (
        "call void @llvm.x86.sse2.pause()",
        "call i64 @llvm.readcyclecounter()",
        "declare void @llvm.x86.sse2.pause()\ndeclare i64 @llvm.readcyclecounter()",
    ),
    "aarch64": (
        "call void @llvm.aarch64.isb(i32 15)",
        "call i64 @llvm.read_volatile_register.i64(metadata !0)",
        "declare void @llvm.aarch64.isb(i32)\n"
        "declare i64 @llvm.read_volatile_register.i64(metadata)\n"
        '!0 = !{!"cntvct_el0"}',
    ),
}
#: elsewhere: a clock that stands still, which leaves out the pauses
_ANY_MACHINE = ("", "add i64 0, 0", "")


def runtime_text(target: Target) -> str:
    """The native code for a target: `run`, `work`, `wake` and `ticks`."""
    pause, clock, declarations = _MACHINES.get(target.architecture, _ANY_MACHINE)
    text = _TYPES + _WAITING + SLEEPING + _TASKS + _WORKER + _REGION + INTERPRETER
    text = text.replace("$PAUSE", pause).replace("$CLOCK", clock)
    text = text.replace("$FUTEX", str(FUTEX.get(target.architecture, 0)))
    text = text.replace("$WAIT", str(WAIT)).replace("$WAKE", str(WAKE))
    text = text.replace("$BUSY", str(BUSY)).replace("$NAP", str(NAP_MICROSECONDS))
    return text + declarations


_TYPES = """
%control = type {
  i64, ptr,                ; 0 word: the tasks not yet claimed; 1 the first of the region
  ptr, ptr,                ; 2 the program's tasks; 3 where their ticks go, or null
  i64, [11 x i64],         ; 4 the core on which the caller is
  i64, [15 x i64],         ; 6 finished: tasks that workers have ended, since the beginning
  i64, i64, i64,           ; 8 allowed threads; 9 and 10 ticks of waiting before the core is
                           ;   offered to others, and before a worker sleeps
  ptr, ptr, ptr,           ; 11 sched_yield; 12 usleep; 13 sched_getcpu; each may be null
  ptr, [9 x i64],          ; 14 syscall, where workers sleep in native code, or null
  i64, i64, i64, i64, i64, ; 16 in use: 1 while a program runs; 17 workers that sleep; 18 what
                           ;   changes when they are woken; 19 workers that the program wants;
                           ;   20 those that were started
  [11 x i64],
  [1024 x ptr]             ; 22 scratch memory of each thread
}
;                 instructions, tasks, status, ticks of both kinds, most tasks of a region
%program = type { ptr, ptr, ptr, ptr, ptr, i64 }
%instruction = type { i64, i64, i64, i64 }
%task = type { ptr, ptr, i64 }
%move = type { ptr, i64 }

define i64 @ticks() alwaysinline nounwind {
  %now = $CLOCK
  ret i64 %now
}
"""

_WAITING = """
; One moment of waiting: a pause at first, later the core goes to whoever else wants it.
define internal void @rest(ptr %control, i64 %waited) nounwind {
  %spin.at = getelementptr %control, ptr %control, i32 0, i32 9
  %spin = load i64, ptr %spin.at
  %early = icmp slt i64 %waited, %spin
  br i1 %early, label %pause, label %late
late:
  %yield.at = getelementptr %control, ptr %control, i32 0, i32 11
  %yield = load ptr, ptr %yield.at
  %none = icmp eq ptr %yield, null
  br i1 %none, label %pause, label %give
give:
  %code = call i32 %yield()
  ret void
pause:
  $PAUSE
  ret void
}

"""

_TASKS = """
; The core that this thread is on; -1 where the system does not say.
define internal i64 @core(ptr %control) alwaysinline nounwind {
  %get.at = getelementptr %control, ptr %control, i32 0, i32 13
  %get = load ptr, ptr %get.at
  %none = icmp eq ptr %get, null
  br i1 %none, label %unknown, label %ask
ask:
  %number = call i32 %get()
  %core = sext i32 %number to i64
  ret i64 %core
unknown:
  ret i64 -1
}

; Whether tasks are left that nobody has claimed.
define internal i1 @some(i64 %word) alwaysinline nounwind {
  %front = and i64 %word, 4294967295
  %back = ashr i64 %word, 32
  %left = add i64 %front, %back
  %some = icmp slt i64 %left, 0
  ret i1 %some
}

; Claim a task of the region that is running, from its front or its back; null if none is left.
define internal ptr @claim(ptr %control, i1 %is.front) alwaysinline nounwind {
  %one = select i1 %is.front, i64 1, i64 4294967296
  %word = atomicrmw add ptr %control, i64 %one acquire
  %some = call i1 @some(i64 %word)
  br i1 %some, label %mine, label %nothing
mine:
  %front = and i64 %word, 4294967295
  %back = ashr i64 %word, 32
  %last = xor i64 %back, -1     ; minus back, minus one
  %number = select i1 %is.front, i64 %front, i64 %last
  %first.at = getelementptr %control, ptr %control, i32 0, i32 1
  %first = load ptr, ptr %first.at
  %task = getelementptr %task, ptr %first, i64 %number
  ret ptr %task
nothing:
  ret ptr null
}

; Run one task, and take its time if somebody asked.
define internal void @execute(ptr %control, ptr %task, i64 %thread) alwaysinline nounwind {
  %it = load %task, ptr %task
  %kernel = extractvalue %task %it, 0
  %row = extractvalue %task %it, 1
  %chunk = extractvalue %task %it, 2
  %scratch.at = getelementptr %control, ptr %control, i32 0, i32 22, i64 %thread
  %scratch = load ptr, ptr %scratch.at
  %ticks.at = getelementptr %control, ptr %control, i32 0, i32 3
  %ticks = load ptr, ptr %ticks.at
  %untimed = icmp eq ptr %ticks, null
  br i1 %untimed, label %plain, label %timed
plain:
  call void %kernel(ptr %row, ptr %scratch, i64 %chunk)
  ret void
timed:
  %tasks.at = getelementptr %control, ptr %control, i32 0, i32 2
  %tasks = load ptr, ptr %tasks.at
  %here = ptrtoint ptr %task to i64
  %origin = ptrtoint ptr %tasks to i64
  %bytes = sub i64 %here, %origin
  %number = udiv exact i64 %bytes, 24
  %sum.at = getelementptr i64, ptr %ticks, i64 %number
  %start = call i64 @ticks()
  call void %kernel(ptr %row, ptr %scratch, i64 %chunk)
  %stop = call i64 @ticks()
  call void @spent(ptr %sum.at, i64 %start, i64 %stop)
  ret void
}

define internal void @spent(ptr %sum.at, i64 %start, i64 %stop) alwaysinline nounwind {
  %time = sub i64 %stop, %start
  %sum = load i64, ptr %sum.at
  %more = add i64 %sum, %time
  store i64 %more, ptr %sum.at
  ret void
}
"""

_WORKER = """
; A worker's life, until it is not allowed any more, it is on the core of the caller, or, where
; it cannot sleep here, nothing has run for a while.
define void @work(ptr %control, i64 %thread) nounwind {
entry:
  %core.at = getelementptr %control, ptr %control, i32 0, i32 4
  %finished.at = getelementptr %control, ptr %control, i32 0, i32 6
  %allowed.at = getelementptr %control, ptr %control, i32 0, i32 8
  %patience.at = getelementptr %control, ptr %control, i32 0, i32 10
  %use.at = getelementptr %control, ptr %control, i32 0, i32 16
  %futex.at = getelementptr %control, ptr %control, i32 0, i32 14
  br label %fresh

fresh:
  %since = call i64 @ticks()
  br label %poll
poll:                      ; look for tasks without disturbing those who have some
  %word = load atomic i64, ptr %control monotonic, align 8
  %work = call i1 @some(i64 %word)
  br i1 %work, label %take, label %idle
idle:
  %allowed = load atomic i64, ptr %allowed.at monotonic, align 8
  %dismissed = icmp sge i64 %thread, %allowed
  br i1 %dismissed, label %leave, label %asked
asked:
  %now = call i64 @ticks()
  %waited = sub i64 %now, %since
  %patience = load i64, ptr %patience.at
  %patient = icmp slt i64 %waited, %patience
  br i1 %patient, label %wait, label %tired
wait:
  call void @rest(ptr %control, i64 %waited)
  br label %poll
tired:
  %use = load atomic i64, ptr %use.at monotonic, align 8
  %running = icmp ne i64 %use, 0
  br i1 %running, label %doze, label %retire
doze:                      ; the program is long and has no use for this worker now
  %nap.at = getelementptr %control, ptr %control, i32 0, i32 12
  %nap = load ptr, ptr %nap.at
  %sleepless = icmp eq ptr %nap, null
  br i1 %sleepless, label %wait, label %sleep
sleep:
  %code = call i32 %nap(i32 $NAP)
  br label %poll

retire:
  %futex = load ptr, ptr %futex.at
  %wakeful = icmp eq ptr %futex, null
  br i1 %wakeful, label %leave, label %rest
rest:
  call void @sleep(ptr %control, i64 %thread)
  call void @wake_some(ptr %control, i64 2)
  br label %check

take:                      ; do tasks until none is left, then say how many were done
  %done = phi i64 [ 0, %poll ], [ %done.more, %do ]
  %task = call ptr @claim(ptr %control, i1 false)
  %gone = icmp eq ptr %task, null
  br i1 %gone, label %none, label %do
do:
  call void @execute(ptr %control, ptr %task, i64 %thread)
  %done.more = add i64 %done, 1
  br label %take
none:
  %idled = icmp eq i64 %done, 0
  br i1 %idled, label %fresh, label %publish
publish:
  %before = atomicrmw add ptr %finished.at, i64 %done release
  br label %check
check:
  %own = call i64 @core(ptr %control)
  %callers = load atomic i64, ptr %core.at monotonic, align 8
  %together = icmp eq i64 %own, %callers
  %known = icmp sge i64 %own, 0
  %shared = and i1 %together, %known
  br i1 %shared, label %leave, label %fresh   ; two threads on one core: to be moved

leave:
  ret void
}
"""

_REGION = """
; All tasks of a region, with whatever help there is.
define internal void @region(ptr %control, ptr %first, i64 %count) nounwind {
entry:
  %finished.at = getelementptr %control, ptr %control, i32 0, i32 6
  %allowed.at = getelementptr %control, ptr %control, i32 0, i32 8
  %allowed = load i64, ptr %allowed.at
  %alone = icmp sle i64 %allowed, 1
  %single = icmp sle i64 %count, 1
  %serial = or i1 %alone, %single
  br i1 %serial, label %next, label %open

next:                      ; nobody helps: no atomic operations
  %number = phi i64 [ 0, %entry ], [ %number.more, %one ]
  %more = icmp slt i64 %number, %count
  br i1 %more, label %one, label %leave
one:
  %own = getelementptr %task, ptr %first, i64 %number
  call void @execute(ptr %control, ptr %own, i64 0)
  %number.more = add i64 %number, 1
  br label %next

open:                      ; show the tasks but the first, which the caller takes itself
  %here = call i64 @core(ptr %control)
  %core.at = getelementptr %control, ptr %control, i32 0, i32 4
  store atomic i64 %here, ptr %core.at monotonic, align 8
  %before = load atomic i64, ptr %finished.at monotonic, align 8
  %first.at = getelementptr %control, ptr %control, i32 0, i32 1
  store ptr %first, ptr %first.at
  %all = sub i64 0, %count
  %back = shl i64 %all, 32
  %shown = or i64 %back, 1
  store atomic i64 %shown, ptr %control release, align 8
  br label %do
do:
  %task = phi ptr [ %first, %open ], [ %claimed, %take ]
  %mine = phi i64 [ 1, %open ], [ %mine.more, %take ]
  call void @execute(ptr %control, ptr %task, i64 0)
  br label %take
take:
  %mine.more = add i64 %mine, 1
  %claimed = call ptr @claim(ptr %control, i1 true)
  %gone = icmp eq ptr %claimed, null
  br i1 %gone, label %others, label %do
others:                    ; the rest are claimed; wait for those who claimed them
  %theirs = sub i64 %count, %mine
  %target = add i64 %before, %theirs
  %since = call i64 @ticks()
  br label %poll
poll:
  %finished = load atomic i64, ptr %finished.at acquire, align 8
  %complete = icmp eq i64 %finished, %target
  br i1 %complete, label %leave, label %wait
wait:
  %now = call i64 @ticks()
  %waited = sub i64 %now, %since
  call void @rest(ptr %control, i64 %waited)
  br label %poll
leave:
  ret void
}
"""

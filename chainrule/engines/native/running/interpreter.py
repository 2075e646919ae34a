"""The native code that follows a program's instructions, in LLVM's textual form.

An instruction is a region of tasks, the begin of a loop, or its end, at which some words move.
"""

INTERPRETER = """
; Add `times` strides to each word that moves with a loop.
define internal void @move(ptr %moves, i64 %count, i64 %times) nounwind {
entry:
  br label %next
next:
  %number = phi i64 [ 0, %entry ], [ %number.more, %one ]
  %more = icmp slt i64 %number, %count
  br i1 %more, label %one, label %leave
one:
  %move = getelementptr %move, ptr %moves, i64 %number
  %word.at = load ptr, ptr %move
  %stride.at = getelementptr %move, ptr %move, i32 0, i32 1
  %stride = load i64, ptr %stride.at
  %way = mul i64 %stride, %times
  %word = load i64, ptr %word.at
  %moved = add i64 %word, %way
  store i64 %moved, ptr %word.at
  %number.more = add i64 %number, 1
  br label %next
leave:
  ret void
}

; Run a program; its status, or BUSY where another one is running on this control block.
define i64 @run(ptr %control, ptr %program) nounwind {
entry:
  %use.at = getelementptr %control, ptr %control, i32 0, i32 16
  %entered = cmpxchg ptr %use.at, i64 0, i64 1 seq_cst monotonic
  %free = extractvalue { i64, i1 } %entered, 1
  br i1 %free, label %start, label %refuse
refuse:
  ret i64 $BUSY

start:
  %head = load %program, ptr %program
  %instructions = extractvalue %program %head, 0
  %tasks = extractvalue %program %head, 1
  %status.at = extractvalue %program %head, 2
  %region.ticks = extractvalue %program %head, 3
  %task.ticks = extractvalue %program %head, 4
  %timed = icmp ne ptr %region.ticks, null
  %control.tasks.at = getelementptr %control, ptr %control, i32 0, i32 2
  store ptr %tasks, ptr %control.tasks.at
  %control.ticks.at = getelementptr %control, ptr %control, i32 0, i32 3
  store ptr %task.ticks, ptr %control.ticks.at
  store i64 0, ptr %status.at
  %width = extractvalue %program %head, 5
  %parallel = icmp sgt i64 %width, 1
  br i1 %parallel, label %call, label %step
call:
  call void @call_workers(ptr %control, i64 %width)
  br label %step

step:                      ; `row` comes next; its loop ends before `exit`, after `turn` turns
  %row = phi i64 [ 0, %start ], [ 0, %call ], [ %row.next, %after ],
                 [ %row.loop, %loop ], [ %row.back, %next ]
  %turn = phi i64 [ 0, %start ], [ 0, %call ], [ %turn, %after ],
                  [ 0, %loop ], [ %turn.back, %next ]
  %exit = phi i64 [ 0, %start ], [ 0, %call ], [ %exit, %after ],
                  [ %a, %loop ], [ %exit, %next ]
  %row.next = add i64 %row, 1
  %at = getelementptr %instruction, ptr %instructions, i64 %row
  %it = load %instruction, ptr %at
  %kind = extractvalue %instruction %it, 0
  %a = extractvalue %instruction %it, 1
  %b = extractvalue %instruction %it, 2
  %c = extractvalue %instruction %it, 3
  switch i64 %kind, label %leave [ i64 0, label %region  i64 1, label %loop
                                   i64 2, label %next ]

region:                    ; a = first task, b = end, c = guard
  %guarded = icmp ne i64 %c, 0
  br i1 %guarded, label %check, label %enter
check:
  %verdict = load atomic i64, ptr %status.at monotonic, align 8
  %failed = icmp ne i64 %verdict, 0
  br i1 %failed, label %abandon, label %enter
enter:
  %first = getelementptr %task, ptr %tasks, i64 %a
  %count = sub i64 %b, %a
  br i1 %timed, label %clock, label %plain
plain:
  call void @region(ptr %control, ptr %first, i64 %count)
  br label %after
clock:
  %begun = call i64 @ticks()
  call void @region(ptr %control, ptr %first, i64 %count)
  %ended = call i64 @ticks()
  %sum.at = getelementptr i64, ptr %region.ticks, i64 %row
  call void @spent(ptr %sum.at, i64 %begun, i64 %ended)
  br label %after
after:
  br label %step

loop:                      ; a = row behind the loop, b = times
  %never = icmp sle i64 %b, 0
  %row.loop = select i1 %never, i64 %a, i64 %row.next
  br label %step

next:                      ; a = row of the loop, b = moves, c = how many of them
  %times.at = getelementptr %instruction, ptr %instructions, i64 %a, i32 2
  %times = load i64, ptr %times.at
  %moves = inttoptr i64 %b to ptr
  %turn.next = add i64 %turn, 1
  %body = add i64 %a, 1
  %back = sub i64 0, %turn
  %over = icmp sge i64 %turn.next, %times
  %way = select i1 %over, i64 %back, i64 1
  %row.back = select i1 %over, i64 %row.next, i64 %body
  %turn.back = select i1 %over, i64 0, i64 %turn.next
  call void @move(ptr %moves, i64 %c, i64 %way)
  br label %step

abandon:                   ; inside a loop the words that moved go back first
  %moved = icmp sgt i64 %turn, 0
  br i1 %moved, label %restore, label %leave
restore:
  %last = sub i64 %exit, 1
  %far.at = getelementptr %instruction, ptr %instructions, i64 %last, i32 2
  %far = load ptr, ptr %far.at
  %many.at = getelementptr %instruction, ptr %instructions, i64 %last, i32 3
  %many = load i64, ptr %many.at
  %undo = sub i64 0, %turn
  call void @move(ptr %far, i64 %many, i64 %undo)
  br label %leave

leave:
  %result = load atomic i64, ptr %status.at monotonic, align 8
  store atomic i64 0, ptr %use.at release, align 8
  ret i64 %result
}
"""

/* Where the processor begins: a stack, zeroed and copied data, then main. No interrupts. */
    .section .start, "ax"
    .globl _start
_start:
    la sp, stack_top
    la a0, data_begin
    la a1, data_end
    la a2, data_source
copy:
    beq a0, a1, zero
    lw a3, 0(a2)
    sw a3, 0(a0)
    addi a0, a0, 4
    addi a2, a2, 4
    j copy
zero:
    la a1, zero_end
clear:
    beq a0, a1, ready
    sw zero, 0(a0)
    addi a0, a0, 4
    j clear
ready:
    call main
stop:
    j stop

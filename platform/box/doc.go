// Package box runs programs that read what strangers made, such as ffmpeg, so that a program in an attacker's hands has
// nothing to take and nothing to reach.
//
// A program in the box can read itself, its libraries and the files that its run names, and write in the folders that
// the run names. It sees no file of the machine beyond these, no environment and no descriptor of ours. It reaches no
// network and no other process, starts no process, executes no other program, and has a limited amount of CPU time,
// memory and bytes in each file. It ends when its context ends, and when the process that started it does.
//
// The walls are raised by a launcher: this process's own executable, started again. It restricts itself and then
// becomes the program, so that not one instruction of the program runs outside of the walls. Main must therefore be the
// first call of each executable whose processes use this package.
//
// Some kernels and containers refuse some walls. New tries them once, and Box.Walls says what is missing and why. The
// others stand: a run either has all walls that Walls calls present, or fails before the program starts.
//
// What the box does not bound: how many files a run writes into its folder, other than by its CPU time, and what the
// program knows about the machine's kernel and processors. Systems other than Linux have no walls but some of the
// limits.
package box

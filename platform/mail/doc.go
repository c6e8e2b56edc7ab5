// Package mail sends letters to people.
//
//	Post.Send(Letter)      keeps the letter, in the transaction of the act that it is about
//	   ↓
//	Post.Forward(id)       after the commit: hands it to the queue, kind mail.send
//	   ↓
//	Post.Handlers          a worker claims the letter, writes it and gives it to the Carrier
//	   ↓
//	SMTP or Folder         a server, or files for whoever has none
//
// A letter's id is made from its act, so an act has at most one. Whatever a crash or the queue leaves undone,
// Post.Sweep sends after a few seconds, also while all workers are busy with longer tasks. A letter is sent once;
// seldom twice, with the same Message-ID, if a process dies between the server's answer and noting it; never not at
// all.
//
// Trouble of the server or of the line is tried again, ever more rarely, until the letter is dead or pointless. A
// refusal for good of the recipient or of the letter is not tried again. Neither logs nor errors have an address or a
// link of a letter in them.
//
// Of a letter that has ended, only that remains, for a month, and so does its file, if there is one. Post.Forget
// deletes all that there is of the letters about an account.
package mail

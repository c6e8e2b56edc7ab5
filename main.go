// Rising Stars Showcase is a video contest in one binary: contestants upload a clip, the machine trims and brands it,
// the public watches and votes, and the ranking is right.
package main

import "risingstars/app"

func main() { app.Main() }

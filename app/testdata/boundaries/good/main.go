package main

import _ "risingstars/app"

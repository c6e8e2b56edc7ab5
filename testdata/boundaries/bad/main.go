package main

import _ "html/template"

//go:build !unix

package main

import "os"

// verboseSignal does not exist here.
var verboseSignal os.Signal

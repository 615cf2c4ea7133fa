// Command parley trains and serves conversational assistants from Rasa project folders.
//
// Every sub-command has a file of its own. main hands everything the process has (arguments, environment, streams, a context
// that ends with the first signal) to run, which returns the exit code: 0, 1 for a failure, 2 for a wrong command line. Flags,
// their defaults and the exit codes are those of Rasa 3.6.21; normalize translates the ways of writing them that its parser
// accepts and pflag does not.
//
// What a person asked for is printed on standard output, logs and warnings on standard error.
package main

// Package project reads a bot's files: domain, training data, stories, rules, config, endpoints and credentials.
//
// # What it reads
//
// The YAML of Rasa 3.x in the dialect of its reader (YAML 1.2: yes and on are strings, 012 is twelve), the JSON training
// data formats, and the Markdown of older projects by migration. Everything that is read keeps its file and line.
//
// # Problems
//
// What is wrong is a [Problem]: file, line, what is wrong and what to do about it. Reading goes on behind a problem where
// that is possible, so that one run shows several. Functions that fail return [Problems]; [Project].Warnings holds what
// did not stop the reading.
//
// # Concurrency
//
// Functions hold no state; what they return belongs to the caller. A domain is immutable.
package project

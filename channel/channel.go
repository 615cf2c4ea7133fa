// Package channel holds the connectors: a platform's payload becomes a user message, a bot message the platform's payload.
// Connectors know requests and replies as plain values; package worker mounts them on its server.
package channel

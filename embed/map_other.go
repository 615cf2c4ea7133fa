//go:build !unix

package embed

import "os"

// mapFile reads a file; this system maps none.
func mapFile(path string) (data []byte, release func(), err error) {
	data, err = os.ReadFile(path) //nolint:gosec // the operator names the file
	return data, func() {}, err
}

//go:build !linux

package worker

import (
	"errors"
	"net"
)

func ignoreSYN(*net.TCPListener) error { return errors.ErrUnsupported }

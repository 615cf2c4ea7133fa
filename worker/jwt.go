package worker

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// JWT says how JSON Web Tokens are checked.
type JWT struct {
	// Secret is the shared secret (HS…) or the public key in PEM, or the name of a file that holds it.
	Secret string
	// Method is the one algorithm that is accepted; "": HS256.
	Method string
}

// jwtLeeway is how far clocks may differ.
const jwtLeeway = 180 * time.Second

// verifier checks tokens with one key and one algorithm.
type verifier struct {
	parser *jwt.Parser
	key    any
}

func newVerifier(cfg JWT) (*verifier, error) {
	method := cfg.Method
	if method == "" {
		method = "HS256"
	}
	secret := cfg.Secret
	if info, err := os.Stat(secret); err == nil && info.Mode().IsRegular() {
		b, err := os.ReadFile(secret) //nolint:gosec // the operator names the file
		if err != nil {
			return nil, fmt.Errorf("read the JWT secret: %w", err)
		}
		secret = string(b)
	}
	if strings.TrimSpace(secret) == "" {
		return nil, errors.New("the JWT secret is blank")
	}
	key, err := jwtKey(method, secret)
	if err != nil {
		return nil, err
	}
	return &verifier{
		key: key,
		parser: jwt.NewParser(jwt.WithValidMethods([]string{method}), jwt.WithLeeway(jwtLeeway), jwt.WithIssuedAt(),
			jwt.WithStrictDecoding()),
	}, nil
}

// jwtKey makes the key of an algorithm's family: a key of one family cannot be used in another.
func jwtKey(method, secret string) (key any, err error) {
	if jwt.GetSigningMethod(method) == nil || method == "none" {
		return nil, fmt.Errorf("--jwt-method %s: unknown; use one of HS256, HS384, HS512, RS256, RS384, RS512, ES256, ES384, ES512, PS256, PS384, PS512, EdDSA", method)
	}
	switch method[:2] {
	case "HS":
		if strings.Contains(secret, "-----BEGIN ") || strings.HasPrefix(secret, "ssh-rsa ") {
			return nil, fmt.Errorf("--jwt-method %s takes a shared secret, but --jwt-secret is an asymmetric key", method)
		}
		return []byte(secret), nil
	case "RS", "PS":
		key, err = jwt.ParseRSAPublicKeyFromPEM([]byte(secret))
	case "ES":
		key, err = jwt.ParseECPublicKeyFromPEM([]byte(secret))
	default:
		key, err = jwt.ParseEdPublicKeyFromPEM([]byte(secret))
	}
	if err != nil {
		return nil, fmt.Errorf("--jwt-method %s needs a public key in PEM as --jwt-secret: %w", method, err)
	}
	return key, nil
}

// user checks a token and returns whom it names. A token without a usable user names nobody; that is not an error.
func (v *verifier) user(token string) (user, error) {
	if token == "" {
		return user{}, errors.New("no bearer token")
	}
	claims := jwt.MapClaims{}
	_, err := v.parser.ParseWithClaims(token, claims, func(t *jwt.Token) (any, error) {
		if t.Header["crit"] != nil { // no extension is understood (RFC 7515, 4.1.11)
			return nil, errors.New("the token has critical extensions")
		}
		return v.key, nil
	})
	if err != nil {
		return user{}, err
	}
	if aud, err := claims.GetAudience(); err != nil || len(aud) > 0 { // nobody is configured to be the audience
		return user{}, errors.New("the token is for another audience")
	}
	fields, _ := claims["user"].(map[string]any)
	var u user
	u.name, u.named = fields["username"].(string)
	u.role, _ = fields["role"].(string)
	return u, nil
}

func isExpired(err error) bool { return errors.Is(err, jwt.ErrTokenExpired) }

package worker_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"parley/logging"
	"parley/worker"
)

const sharedSecret = "0123456789abcdef0123456789abcdef"

func claimsOf(role, name string) jwt.MapClaims {
	return jwt.MapClaims{"user": map[string]any{"role": role, "username": name}}
}

func sign(t *testing.T, method string, key any, claims jwt.Claims) string {
	t.Helper()
	s, err := jwt.NewWithClaims(jwt.GetSigningMethod(method), claims).SignedString(key)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// publicPEM is a public key as an operator has it.
func publicPEM(t *testing.T, key crypto.Signer) string {
	t.Helper()
	der, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
}

// keys are private keys by the algorithms that they are for.
func keys(t *testing.T) map[string]crypto.Signer {
	t.Helper()
	r, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]crypto.Signer{"RS256": r, "RS384": r, "RS512": r, "PS256": r, "PS384": r, "PS512": r}
	for method, curve := range map[string]elliptic.Curve{"ES256": elliptic.P256(), "ES384": elliptic.P384(), "ES512": elliptic.P521()} {
		if all[method], err = ecdsa.GenerateKey(curve, rand.Reader); err != nil {
			t.Fatal(err)
		}
	}
	if _, all["EdDSA"], err = ed25519.GenerateKey(rand.Reader); err != nil {
		t.Fatal(err)
	}
	return all
}

// bearing asks with a JWT.
func (s *server) bearing(request, token string) answer {
	s.t.Helper()
	return s.do(request + "\nAuthorization: Bearer " + token)
}

func TestEveryAlgorithmVerifiesItsOwnTokensOnly(t *testing.T) { // cases 34, 35, 45, 46
	t.Parallel()
	private := keys(t)
	type configured struct {
		method, secret string
		key            any
	}
	all := []configured{{"HS256", sharedSecret, []byte(sharedSecret)}, {"HS384", sharedSecret, []byte(sharedSecret)}, {"HS512", sharedSecret, []byte(sharedSecret)}}
	for method, key := range private {
		all = append(all, configured{method, publicPEM(t, key), key})
	}
	none, err := jwt.NewWithClaims(jwt.SigningMethodNone, claimsOf("admin", "x")).SignedString(jwt.UnsafeAllowNoneSignatureType)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range all {
		t.Run(c.method, func(t *testing.T) {
			t.Parallel()
			s := serve(t, func(cfg *worker.Config) { cfg.JWT = &worker.JWT{Secret: c.secret, Method: c.method} })
			good := sign(t, c.method, c.key, claimsOf("admin", "x"))
			head, rest, _ := strings.Cut(good, ".")
			payload, signature, _ := strings.Cut(rest, ".")
			cases := map[string]string{
				"none":                       none,
				"none with a signature":      none + signature,
				"the head of none":           base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none","typ":"JWT"}`)) + "." + payload + "." + signature,
				"no signature":               head + "." + payload + ".",
				"another payload":            head + "." + base64.RawURLEncoding.EncodeToString([]byte(`{"user":{"role":"admin"},"x":1}`)) + "." + signature,
				"signed with another secret": sign(t, "HS256", []byte(c.secret+" "), claimsOf("admin", "x")),
				"an extension that matters":  critical(t, c.method, c.key),
			}
			if c.method[:2] != "HS" { // algorithm confusion
				cases["HS256 with the public key"] = sign(t, "HS256", []byte(c.secret), claimsOf("admin", "x"))
			}
			for _, other := range all {
				if other.method != c.method {
					cases["of "+other.method] = sign(t, other.method, other.key, claimsOf("admin", "x"))
				}
			}
			for name, token := range cases {
				if got := s.bearing("GET /status", token); got.status != 401 || !strings.Contains(got.body, `"reason":"NotAuthenticated"`) {
					t.Errorf("%s: %d %s", name, got.status, got.body)
				}
			}
			if got := s.bearing("GET /status", good); got.status != 200 {
				t.Errorf("its own: %d %s", got.status, got.body)
			}
		})
	}
}

// critical is a token with a header that whoever does not understand it has to refuse (RFC 7515, 4.1.11).
func critical(t *testing.T, method string, key any) string {
	t.Helper()
	token := jwt.NewWithClaims(jwt.GetSigningMethod(method), claimsOf("admin", "x"))
	token.Header["crit"], token.Header["exp"] = []string{"exp"}, 1
	s, err := token.SignedString(key)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestWhoMayDoWhat(t *testing.T) { // cases 17 to 51
	t.Parallel()
	token := "sec"
	secretFile := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secretFile, []byte(sharedSecret), 0o600); err != nil {
		t.Fatal(err)
	}
	open := serve(t)
	byToken := serve(t, func(c *worker.Config) { c.AuthToken = secret(token) })
	byJWT := serve(t, func(c *worker.Config) { c.JWT, c.Store = &worker.JWT{Secret: sharedSecret}, pages{} })
	both := serve(t, func(c *worker.Config) { c.AuthToken, c.JWT = secret(token), &worker.JWT{Secret: sharedSecret} })
	byFile := serve(t, func(c *worker.Config) { c.JWT = &worker.JWT{Secret: secretFile} })
	blank := ""
	byBlank := serve(t, func(c *worker.Config) { c.AuthToken = secret(blank) })
	signed := func(claims jwt.MapClaims) string {
		return "\nAuthorization: Bearer " + sign(t, "HS256", []byte(sharedSecret), claims)
	}
	timed := func(name string, in time.Duration) string {
		claims := claimsOf("admin", "x")
		claims[name] = time.Now().Add(in).Unix()
		return signed(claims)
	}
	with := func(name string, value any) string {
		claims := claimsOf("admin", "x")
		claims[name] = value
		return signed(claims)
	}
	admin, user := signed(claimsOf("admin", "testadmin")), signed(claimsOf("user", "testuser"))
	const tracker, other = "GET /conversations/testuser/tracker", "GET /conversations/testadmin/tracker"
	for _, tt := range []struct {
		number, request string
		s               *server
		status          int
		holds           string
	}{
		{"open", tracker, open, 200, ""},
		{"3", "GET /", byToken, 200, "Hello from"},
		{"5", "GET /version", byToken, 200, "version"},
		{"10", "GET /status", byToken, 401, `"reason":"NotAuthenticated"`},
		{"17", tracker + "?token=sec", byToken, 200, ""},
		{"18", tracker + "?token=bad", byToken, 401, `"status":"failure","message":"User is not authenticated.","reason":"NotAuthenticated","details":{},"help":"https://rasa.com/docs/rasa/user-guide/configuring-http-api/#security-considerations","code":401}`},
		{"18 longer", tracker + "?token=secret", byToken, 401, ""},
		{"18 shorter", tracker + "?token=se", byToken, 401, ""},
		{"19", tracker + "?token=", byToken, 401, ""},
		{"20", tracker + "?token=sec&token=bad", byToken, 200, ""},
		{"20 the other way", tracker + "?token=bad&token=sec", byToken, 401, ""},
		{"21", tracker + "\nAuthorization: Bearer sec", byToken, 401, ""},
		{"in a header", tracker + "\nX-Api-Token: sec", byToken, 200, ""},
		{"bad in a header", tracker + "\nX-Api-Token: secret", byToken, 401, ""},
		{"bad in the query, right in a header", tracker + "?token=bad\nX-Api-Token: sec", byToken, 200, ""},
		{"empty in a header", tracker + "\nX-Api-Token:", byBlank, 401, ""},
		{"in a header, without one to compare with", tracker + "\nX-Api-Token: " + sharedSecret, byJWT, 401, ""},
		{"blank", tracker + "?token=", byBlank, 401, ""},
		{"22", tracker + admin, byJWT, 200, ""},
		{"22b", other + admin, byJWT, 200, ""},
		{"22c", "GET /status" + admin, byJWT, 200, ""},
		{"23", tracker + user, byJWT, 200, ""},
		{"23 escaped", "GET /conversations/%74estuser/tracker" + user, byJWT, 200, `"sender_id":"testuser"`},
		{"24", other + user, byJWT, 403, `"message":"User has insufficient permissions.","reason":"NotAuthorized"`},
		{"24 longer", "GET /conversations/testuser/x/tracker" + user, byJWT, 403, ""},
		{"24 case", "GET /conversations/Testuser/tracker" + user, byJWT, 403, ""},
		{"24 chat", "POST /conversations/testadmin/chat" + user + "\n\n" + `{"message":"hi"}`, byJWT, 403, ""},
		{"24 delete", "DELETE /conversations/testadmin" + user, byJWT, 403, ""},
		{"25", "GET /status" + user, byJWT, 403, ""},
		{"26", "POST /model/parse" + user + "\n\n{}", byJWT, 403, ""},
		{"26 list", "GET /conversations?limit=5" + user, byJWT, 403, ""},
		{"27", tracker, byJWT, 401, `"reason":"NotAuthenticated"`},
		{"28", tracker + signed(jwt.MapClaims{}), byJWT, 403, ""},
		{"29", tracker + signed(claimsOf("other", "testuser")), byJWT, 403, ""},
		{"29 no role", tracker + signed(jwt.MapClaims{"user": map[string]any{"username": "testuser"}}), byJWT, 403, ""},
		{"29 number", tracker + signed(jwt.MapClaims{"user": map[string]any{"username": 5, "role": "user"}}), byJWT, 403, ""},
		{"30", tracker + signed(jwt.MapClaims{"user": "x"}), byJWT, 403, ""},
		{"31", tracker + "\nAuthorization: Bearer", byJWT, 401, ""},
		{"31b", tracker + "\nAuthorization: Token abc", byJWT, 401, ""},
		{"31c", tracker + "\nAuthorization: Bearer a b", byJWT, 401, ""},
		{"31d", tracker + strings.Replace(admin, "Bearer", "bearer", 1), byJWT, 401, ""},
		{"31e", tracker + strings.Replace(admin, "Bearer ", "Bearer  ", 1), byJWT, 401, ""},
		{"31f", tracker + "\nAuthorization: Bearer " + strings.Repeat("a.", 2000), byJWT, 401, ""},
		{"32", tracker + "\nAuthorization: Bearer " + sign(t, "HS256", []byte("another secret of some length 00"), claimsOf("admin", "x")), byJWT, 401, ""},
		{"33", tracker + "\nAuthorization: Bearer abc", byJWT, 401, ""},
		{"36", tracker + timed("exp", -time.Minute), byJWT, 200, ""},
		{"37", tracker + timed("exp", -10*time.Minute), byJWT, 401, ""},
		{"38", tracker + timed("nbf", 10*time.Minute), byJWT, 401, ""},
		{"38 leeway", tracker + timed("nbf", time.Minute), byJWT, 200, ""},
		{"38 iat", tracker + timed("iat", 10*time.Minute), byJWT, 401, ""},
		{"37 text", tracker + with("exp", "soon"), byJWT, 401, ""},
		{"39", tracker + with("aud", "x"), byJWT, 401, ""},
		{"40", tracker + admin, byJWT, 200, ""},
		{"sub", tracker + with("sub", 5), byJWT, 200, ""},
		{"jti", tracker + with("jti", 5), byJWT, 200, ""},
		{"41", tracker + "?token=" + sharedSecret, byJWT, 401, ""},
		{"42", tracker + "?token=sec\nAuthorization: x", both, 200, ""},
		{"42 user", other + "?token=sec" + user, both, 200, ""},
		{"43", tracker + admin, both, 200, ""},
		{"44", tracker + "?token=bad", both, 401, ""},
		{"44 user", other + "?token=bad" + user, both, 403, ""},
		{"47", tracker + admin, byFile, 200, ""},
		{"48", "POST /auth\n\n{}", byJWT, 401, `"exception":"AuthenticationFailed"`},
		{"49", "GET /auth/verify" + admin, byJWT, 200, `{"valid":true}`},
		{"49 none", "GET /auth/verify", byJWT, 401, "MissingAuthorizationHeader"},
		{"49 old", "GET /auth/verify" + timed("exp", -time.Hour), byJWT, 401, "Signature has expired."},
		{"49 bad", "GET /auth/verify\nAuthorization: Bearer x", byJWT, 401, `{"valid":false,"reasons":["Auth required."],"exception":"InvalidToken"}`},
		{"49 me", "GET /auth/me", byJWT, 401, "Unauthorized"},
		{"49 me too", "GET /auth/me" + admin, byJWT, 500, "MeEndpointNotSetup"},
		{"49 token", "GET /auth/verify", byToken, 404, ""},
		{"50", "POST /model/train?callback_url=http://a.example/\n\nx", byToken, 401, ""},
		{"51", "POST /webhooks/rest/webhook\n\n" + `{"message":"hi"}`, byToken, 200, "echo hi"},
		{"57", "OPTIONS /status", byToken, 200, ""},
	} {
		if got := tt.s.do(tt.request); got.status != tt.status || !strings.Contains(got.body, tt.holds) {
			t.Errorf("%s, %.60s: %d %s, want %d and %s", tt.number, tt.request, got.status, got.body, tt.status, tt.holds)
		}
	}
}

func TestKeysThatMakeNoSenseAreRefused(t *testing.T) {
	t.Parallel()
	ln, err := worker.Listen(t.Context(), "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = ln.Close() }()
	private := keys(t)
	for name, tt := range map[string]struct {
		jwt  worker.JWT
		want string
	}{
		"blank":                 {worker.JWT{Secret: " \n"}, "blank"},
		"none":                  {worker.JWT{Secret: sharedSecret, Method: "none"}, "--jwt-method none"},
		"unknown":               {worker.JWT{Secret: sharedSecret, Method: "HS1"}, "--jwt-method HS1"},
		"a public key for HS":   {worker.JWT{Secret: publicPEM(t, private["RS256"]), Method: "HS256"}, "asymmetric key"},
		"a secret for RS":       {worker.JWT{Secret: sharedSecret, Method: "RS256"}, "public key in PEM"},
		"a key of another kind": {worker.JWT{Secret: publicPEM(t, private["ES256"]), Method: "PS256"}, "public key in PEM"},
	} {
		_, err := worker.New(worker.Config{Bot: newFake(), Listener: ln, API: true, JWT: &tt.jwt})
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %s", name, err, tt.want)
		}
	}
}

// secret keeps a token as a configuration has it.
func secret(token string) *logging.Secret {
	s := logging.NewSecret(token)
	return &s
}

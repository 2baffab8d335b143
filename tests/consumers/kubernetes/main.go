// A Kubernetes API server in small: it authenticates the bearer tokens that kubectl sends, with the library that the
// API server's own OIDC authenticator is built on (github.com/coreos/go-oidc, version 2), by that authenticator's rules:
//
//   - the issuer is an https URL, found by discovery over TLS that --oidc-ca-file vouches for, and equal to `iss`;
//   - `aud` holds --oidc-client-id; the signature is one of --oidc-signing-algs by a key of the JWKS, read again
//     when a token names a key that is not known;
//   - the claim `email` is a user name only if `email_verified` isn't false; other claims get the prefix ISSUER#;
//   - the groups claim is a string or an array of strings.
//
// It listens with the certificate -tls-cert-file, which holds its key too: kubectl sends no token without TLS.
// It prints its port, and answers every path with the user as JSON, or with 401. Its clock is the machine's plus
// -ahead, so that a test need not wait for a token to expire.
package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"log"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	oidc "github.com/coreos/go-oidc"
)

type options struct {
	issuer, clientID, usernameClaim, groupsClaim, signingAlgs string
}

type user struct {
	Username string   `json:"username"`
	Groups   []string `json:"groups"`
}

func main() {
	var o options
	flag.StringVar(&o.issuer, "oidc-issuer-url", "", "")
	flag.StringVar(&o.clientID, "oidc-client-id", "", "")
	flag.StringVar(&o.usernameClaim, "oidc-username-claim", "sub", "")
	flag.StringVar(&o.groupsClaim, "oidc-groups-claim", "", "")
	flag.StringVar(&o.signingAlgs, "oidc-signing-algs", "RS256", "")
	caFile := flag.String("oidc-ca-file", "", "")
	certificate := flag.String("tls-cert-file", "", "")
	ahead := flag.Duration("ahead", 0, "how far the clock is ahead")
	flag.Parse()

	verifier, err := newVerifier(o, *caFile, *ahead)
	if err != nil {
		log.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(listener.Addr().(*net.TCPAddr).Port)
	log.Fatal(http.ServeTLS(listener, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		who, err := authenticate(r, verifier, o)
		if err != nil {
			w.WriteHeader(http.StatusUnauthorized)
			reply(w, map[string]string{"kind": "Status", "apiVersion": "v1", "status": "Failure", "message": err.Error()})
			return
		}
		reply(w, who)
	}), *certificate, *certificate))
}

func newVerifier(o options, caFile string, ahead time.Duration) (*oidc.IDTokenVerifier, error) {
	if issuer, err := url.Parse(o.issuer); err != nil || issuer.Scheme != "https" {
		return nil, fmt.Errorf("'oidc-issuer-url' (%q) has invalid scheme, require 'https'", o.issuer)
	}
	ca, err := os.ReadFile(caFile)
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(ca) {
		return nil, errors.New("oidc-ca-file holds no certificate")
	}
	client := &http.Client{
		Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}},
		Timeout:   30 * time.Second,
	}
	provider, err := oidc.NewProvider(oidc.ClientContext(context.Background(), client), o.issuer)
	if err != nil {
		return nil, err
	}
	return provider.Verifier(&oidc.Config{
		ClientID:             o.clientID,
		SupportedSigningAlgs: strings.Split(o.signingAlgs, ","),
		Now:                  func() time.Time { return time.Now().Add(ahead) },
	}), nil
}

func authenticate(r *http.Request, verifier *oidc.IDTokenVerifier, o options) (*user, error) {
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "bearer") {
		return nil, errors.New("no bearer token")
	}
	verified, err := verifier.Verify(r.Context(), token)
	if err != nil {
		return nil, err
	}
	var claims map[string]json.RawMessage
	if err := verified.Claims(&claims); err != nil {
		return nil, err
	}
	who := &user{}
	if err := json.Unmarshal(claims[o.usernameClaim], &who.Username); err != nil {
		return nil, fmt.Errorf("oidc: parse username claims %q: %v", o.usernameClaim, err)
	}
	if o.usernameClaim == "email" {
		isVerified := true
		if stated, ok := claims["email_verified"]; ok {
			if err := json.Unmarshal(stated, &isVerified); err != nil {
				return nil, fmt.Errorf("oidc: parse 'email_verified' claim: %v", err)
			}
		}
		if !isVerified {
			return nil, errors.New("oidc: email not verified")
		}
	} else {
		who.Username = o.issuer + "#" + who.Username
	}
	if stated, ok := claims[o.groupsClaim]; ok {
		if err := json.Unmarshal(stated, &who.Groups); err != nil {
			var one string
			if err := json.Unmarshal(stated, &one); err != nil {
				return nil, fmt.Errorf("oidc: parse groups claim %q: %v", o.groupsClaim, err)
			}
			who.Groups = []string{one}
		}
	}
	return who, nil
}

func reply(w http.ResponseWriter, value any) {
	if err := json.NewEncoder(w).Encode(value); err != nil {
		log.Print(err)
	}
}

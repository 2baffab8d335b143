// Have Dex's own storages keep one small deployment, and leave what they have written where import-dex finds it.
//
//	go run . sqlite3 dex.db
//	go run . kubernetes dex.json        the objects that Dex posts to an API server, as `kubectl get --output json` lists them
//	go run . postgres /run/postgresql   a socket's folder; then psql's \copy, as docs/migrating-from-dex.md has it
package main

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/dexidp/dex/storage"
	"github.com/dexidp/dex/storage/kubernetes"
	"github.com/dexidp/dex/storage/sql"
)

const hash = "$2a$10$2b2cU8CPhOTaGrs1HRQuAueS7JTT5ZHsHSzYiFPm1leZck7Mc8T4W" // "password"

func main() {
	log := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelError}))
	where := os.Args[2]
	switch os.Args[1] {
	case "sqlite3":
		dex := sql.SQLite3{File: where}
		kept(dex.Open(log))
	case "postgres":
		network := sql.NetworkDB{Database: "postgres", User: "dex", Host: where, Port: 5432}
		dex := sql.Postgres{NetworkDB: network, SSL: sql.SSL{Mode: "disable"}}
		kept(dex.Open(log))
	case "kubernetes":
		cluster(where, log)
	}
}

func kept(dex storage.Storage, err error) {
	must(err)
	ctx := context.Background()
	began := time.Date(2026, 11, 25, 9, 0, 0, 123456789, time.UTC)
	used := began.Add(time.Hour)
	must(dex.CreateClient(ctx, storage.Client{
		ID: "grafana", Secret: "a-client-secret", Name: "Grafana", LogoURL: "https://grafana.example.com/logo.png",
		RedirectURIs: []string{"https://grafana.example.com/login/generic_oauth"}, TrustedPeers: []string{"cli"},
	}))
	must(dex.CreateClient(ctx, storage.Client{
		ID: "cli", Public: true, Name: "The command line", RedirectURIs: []string{"http://127.0.0.1/callback"},
	}))
	must(dex.CreatePassword(ctx, storage.Password{
		Email: "kilgore@kilgore.trout", Hash: []byte(hash), Username: "kilgore", UserID: "foo_id",
	}))
	must(dex.CreateConnector(ctx, storage.Connector{
		ID: "github", Type: "github", Name: "GitHub", Config: []byte(`{"clientID":"dex","redirectURI":"https://dex.example.com/callback"}`),
	}))
	local := storage.Claims{UserID: "foo_id", Username: "kilgore", Email: "kilgore@kilgore.trout", EmailVerified: true}
	github := storage.Claims{
		UserID: "4711", Username: "Kilgore Trout", PreferredUsername: "kilgore", Email: "kilgore@example.com",
		EmailVerified: true, Groups: []string{"acme", "acme:writers"},
	}
	scopes := []string{"openid", "email", "profile", "groups", "offline_access"}
	one := storage.RefreshToken{
		ID: "xbsxfbikrcsnzbsl5hpbfhqyg", Token: "the-token-of-grafana", ObsoleteToken: "the-token-before", Nonce: "n-0S6_WzA2Mj",
		ClientID: "grafana", ConnectorID: "github", Scopes: scopes, Claims: github, CreatedAt: began, LastUsed: used,
	}
	two := storage.RefreshToken{
		ID: "k5bcomnoua5neuahyww42lnmz", Token: "the-token-of-the-command-line", ClientID: "cli", ConnectorID: "local",
		Scopes: scopes[:2], Claims: local, CreatedAt: began, LastUsed: began, ConnectorData: []byte(`{"of":"the token"}`),
	}
	must(dex.CreateRefresh(ctx, one))
	must(dex.CreateRefresh(ctx, two))
	must(dex.CreateOfflineSessions(ctx, storage.OfflineSessions{
		UserID: "4711", ConnID: "github", ConnectorData: []byte(`{"accessToken":"gho_of-the-session"}`),
		Refresh: map[string]*storage.RefreshTokenRef{"grafana": {ID: one.ID, ClientID: "grafana", CreatedAt: began, LastUsed: used}},
	}))
	must(dex.CreateOfflineSessions(ctx, storage.OfflineSessions{
		UserID: "foo_id", ConnID: "local",
		Refresh: map[string]*storage.RefreshTokenRef{"cli": {ID: two.ID, ClientID: "cli", CreatedAt: began, LastUsed: began}},
	}))
	must(dex.CreateUserIdentity(ctx, storage.UserIdentity{
		UserID: "4712", ConnectorID: "github", Claims: storage.Claims{UserID: "4712", Username: "blocked"}, CreatedAt: began,
		LastLogin: began, BlockedUntil: began.AddDate(100, 0, 0), Consents: map[string][]string{"grafana": scopes},
	}))
	must(dex.Close())
}

// cluster is an API server as far as Dex asks it: there are all definitions, and what is posted is kept as it comes.
func cluster(file string, log *slog.Logger) {
	var lock sync.Mutex
	items := []json.RawMessage{}
	server := httptest.NewServer(http.HandlerFunc(func(answer http.ResponseWriter, request *http.Request) {
		answer.Header().Set("Content-Type", "application/json")
		body, err := io.ReadAll(request.Body)
		must(err)
		switch {
		case request.URL.Path == "/version":
			io.WriteString(answer, `{"major":"1","minor":"33","gitVersion":"v1.33.0"}`)
		case strings.Contains(request.URL.Path, "customresourcedefinitions/"):
			io.WriteString(answer, `{"status":{"conditions":[{"type":"Established","status":"True"}]}}`)
		case request.Method == http.MethodPost && strings.Contains(request.URL.Path, "/dex.coreos.com/"):
			lock.Lock()
			items = append(items, body)
			lock.Unlock()
			answer.WriteHeader(http.StatusCreated)
			answer.Write(body)
		default:
			answer.WriteHeader(http.StatusNotFound)
		}
	}))
	kubeconfig, err := os.CreateTemp("", "kubeconfig")
	must(err)
	defer os.Remove(kubeconfig.Name())
	json.NewEncoder(kubeconfig).Encode(map[string]any{
		"clusters":        []any{map[string]any{"name": "c", "cluster": map[string]string{"server": server.URL}}},
		"users":           []any{map[string]any{"name": "u", "user": map[string]string{}}},
		"contexts":        []any{map[string]any{"name": "x", "context": map[string]string{"cluster": "c", "user": "u", "namespace": "dex"}}},
		"current-context": "x",
	})
	dex := kubernetes.Config{KubeConfigFile: kubeconfig.Name()}
	kept(dex.Open(log))
	list, err := json.MarshalIndent(map[string]any{"apiVersion": "v1", "kind": "List", "items": items}, "", " ")
	must(err)
	must(os.WriteFile(file, append(list, '\n'), 0o600))
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}

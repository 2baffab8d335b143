BEGIN TRANSACTION;
CREATE TABLE auth_code (
				id text not null primary key,
				client_id text not null,
				scopes blob not null, -- JSON array of strings
				nonce text not null,
				redirect_uri text not null,

				claims_user_id text not null,
				claims_username text not null,
				claims_email text not null,
				claims_email_verified integer not null,
				claims_groups blob not null, -- JSON array of strings

				connector_id text not null,
				connector_data blob,

				expiry timestamp not null
			, claims_preferred_username text not null default '', code_challenge text not null default '', code_challenge_method text not null default '', auth_time timestamp not null default '1970-01-01 00:00:00', session_id text not null default '');
CREATE TABLE auth_request (
				id text not null primary key,
				client_id text not null,
				response_types blob not null, -- JSON array of strings
				scopes blob not null,         -- JSON array of strings
				redirect_uri text not null,
				nonce text not null,
				state text not null,
				force_approval_prompt integer not null,

				logged_in integer not null,

				claims_user_id text not null,
				claims_username text not null,
				claims_email text not null,
				claims_email_verified integer not null,
				claims_groups blob not null, -- JSON array of strings

				connector_id text not null,
				connector_data blob,

				expiry timestamp not null
			, claims_preferred_username text not null default '', code_challenge text not null default '', code_challenge_method text not null default '', hmac_key blob, mfa_validated integer not null default 0, prompt text not null default '', max_age integer not null default -1, auth_time timestamp not null default '1970-01-01 00:00:00', webauthn_session_data blob);
CREATE TABLE auth_session (
				id text not null primary key,
				secret text not null default '',
				user_id text not null,
				connector_id text not null,
				client_states blob not null,
				created_at timestamp not null,
				last_activity timestamp not null,
				ip_address text not null default '',
				user_agent text not null default '',
				absolute_expiry timestamp not null default '1970-01-01 00:00:00',
				idle_expiry timestamp not null default '1970-01-01 00:00:00',
				logout_state blob
			);
CREATE TABLE client (
				id text not null primary key,
				secret text not null,
				redirect_uris blob not null, -- JSON array of strings
				trusted_peers blob not null, -- JSON array of strings
				public integer not null,
				name text not null,
				logo_url text not null
			, allowed_connectors blob, mfa_chain blob, post_logout_redirect_uris blob, sso_shared_with blob, backchannel_logout_uri text not null default '', refresh_token_lifetime text not null default '');
INSERT INTO "client" VALUES('grafana','a-client-secret',X'5B2268747470733A2F2F67726166616E612E6578616D706C652E636F6D2F6C6F67696E2F67656E657269635F6F61757468225D',X'5B22636C69225D',0,'Grafana','https://grafana.example.com/logo.png',X'6E756C6C',X'6E756C6C',X'6E756C6C',X'6E756C6C','','');
INSERT INTO "client" VALUES('cli','',X'5B22687474703A2F2F3132372E302E302E312F63616C6C6261636B225D',X'6E756C6C',1,'The command line','',X'6E756C6C',X'6E756C6C',X'6E756C6C',X'6E756C6C','','');
CREATE TABLE connector (
				id text not null primary key,
				type text not null,
				name text not null,
				resource_version text not null,
				config blob
			, grant_types blob);
INSERT INTO "connector" VALUES('github','github','GitHub','',X'7B22636C69656E744944223A22646578222C227265646972656374555249223A2268747470733A2F2F6465782E6578616D706C652E636F6D2F63616C6C6261636B227D',X'6E756C6C');
CREATE TABLE device_request (
				user_code text not null primary key,
				device_code text not null,
				client_id text not null,
				client_secret text ,
				scopes blob not null, -- JSON array of strings
				expiry timestamp not null
			);
CREATE TABLE device_token (
				device_code text not null primary key,
				status text not null,
				token blob,
				expiry timestamp not null,
				last_request timestamp not null,
                poll_interval integer not null
			, code_challenge text not null default '', code_challenge_method text not null default '');
CREATE TABLE keys (
				id text not null primary key,
				verification_keys blob not null, -- JSON array
				signing_key blob not null,       -- JSON object
				signing_key_pub blob not null,   -- JSON object
				next_rotation timestamp not null
			);
CREATE TABLE migrations (
			num integer not null,
			at timestamp not null
		);
INSERT INTO "migrations" VALUES(1,'2026-11-26');
INSERT INTO "migrations" VALUES(2,'2026-11-26');
INSERT INTO "migrations" VALUES(3,'2026-11-26');
INSERT INTO "migrations" VALUES(4,'2026-11-26');
INSERT INTO "migrations" VALUES(5,'2026-11-26');
INSERT INTO "migrations" VALUES(6,'2026-11-26');
INSERT INTO "migrations" VALUES(7,'2026-11-26');
INSERT INTO "migrations" VALUES(8,'2026-11-26');
INSERT INTO "migrations" VALUES(9,'2026-11-26');
INSERT INTO "migrations" VALUES(10,'2026-11-26');
INSERT INTO "migrations" VALUES(11,'2026-11-26');
INSERT INTO "migrations" VALUES(12,'2026-11-26');
INSERT INTO "migrations" VALUES(13,'2026-11-26');
INSERT INTO "migrations" VALUES(14,'2026-11-26');
INSERT INTO "migrations" VALUES(15,'2026-11-26');
INSERT INTO "migrations" VALUES(16,'2026-11-26');
INSERT INTO "migrations" VALUES(17,'2026-11-26');
INSERT INTO "migrations" VALUES(18,'2026-11-26');
INSERT INTO "migrations" VALUES(19,'2026-11-26');
INSERT INTO "migrations" VALUES(20,'2026-11-26');
INSERT INTO "migrations" VALUES(21,'2026-11-26');
INSERT INTO "migrations" VALUES(22,'2026-11-26');
INSERT INTO "migrations" VALUES(23,'2026-11-26');
CREATE TABLE offline_session (
				user_id text not null,
				conn_id text not null,
				refresh blob not null, connector_data blob,
				PRIMARY KEY (user_id, conn_id)
			);
INSERT INTO "offline_session" VALUES('4711','github',X'7B2267726166616E61223A7B224944223A22786273786662696B7263736E7A62736C356870626668717967222C22436C69656E744944223A2267726166616E61222C22437265617465644174223A22323032362D31312D32355430393A30303A30302E3132333435363738395A222C224C61737455736564223A22323032362D31312D32355431303A30303A30302E3132333435363738395A222C2253657373696F6E4944223A22227D7D',X'7B22616363657373546F6B656E223A2267686F5F6F662D7468652D73657373696F6E227D');
INSERT INTO "offline_session" VALUES('foo_id','local',X'7B22636C69223A7B224944223A226B3562636F6D6E6F7561356E6575616879777734326C6E6D7A222C22436C69656E744944223A22636C69222C22437265617465644174223A22323032362D31312D32355430393A30303A30302E3132333435363738395A222C224C61737455736564223A22323032362D31312D32355430393A30303A30302E3132333435363738395A222C2253657373696F6E4944223A22227D7D',NULL);
CREATE TABLE password (
				email text not null primary key,
				hash blob not null,
				username text not null,
				user_id text not null
			, preferred_username text not null default '', groups blob not null default '[]', name text not null default '', email_verified integer);
INSERT INTO "password" VALUES('kilgore@kilgore.trout',X'243261243130243262326355384350684F5461477273314852517541756553374A5454355A487348537A596946506D316C655A636B374D6338543457','kilgore','foo_id','',X'6E756C6C','',NULL);
CREATE TABLE refresh_token (
				id text not null primary key,
				client_id text not null,
				scopes blob not null, -- JSON array of strings
				nonce text not null,

				claims_user_id text not null,
				claims_username text not null,
				claims_email text not null,
				claims_email_verified integer not null,
				claims_groups blob not null, -- JSON array of strings

				connector_id text not null,
				connector_data blob
			, token text not null default '', created_at timestamp not null default '0001-01-01 00:00:00 UTC', last_used timestamp not null default '0001-01-01 00:00:00 UTC', claims_preferred_username text not null default '', obsolete_token text default '');
INSERT INTO "refresh_token" VALUES('xbsxfbikrcsnzbsl5hpbfhqyg','grafana',X'5B226F70656E6964222C22656D61696C222C2270726F66696C65222C2267726F757073222C226F66666C696E655F616363657373225D','n-0S6_WzA2Mj','4711','Kilgore Trout','kilgore@example.com',1,X'5B2261636D65222C2261636D653A77726974657273225D','github',NULL,'the-token-of-grafana','2026-11-25 09:00:00.123456789+00:00','2026-11-25 10:00:00.123456789+00:00','kilgore','the-token-before');
INSERT INTO "refresh_token" VALUES('k5bcomnoua5neuahyww42lnmz','cli',X'5B226F70656E6964222C22656D61696C225D','','foo_id','kilgore','kilgore@kilgore.trout',1,X'6E756C6C','local',X'7B226F66223A2274686520746F6B656E227D','the-token-of-the-command-line','2026-11-25 09:00:00.123456789+00:00','2026-11-25 09:00:00.123456789+00:00','','');
CREATE TABLE user_identity (
				user_id text not null,
				connector_id text not null,
				claims_user_id text not null,
				claims_username text not null,
				claims_preferred_username text not null default '',
				claims_email text not null,
				claims_email_verified integer not null,
				claims_groups blob not null,
				consents blob not null,
				created_at timestamp not null,
				last_login timestamp not null,
				blocked_until timestamp not null, mfa_secrets blob, webauthn_credentials blob,
				PRIMARY KEY (user_id, connector_id)
			);
INSERT INTO "user_identity" VALUES('4712','github','4712','blocked','','',0,X'6E756C6C',X'7B2267726166616E61223A5B226F70656E6964222C22656D61696C222C2270726F66696C65222C2267726F757073222C226F66666C696E655F616363657373225D7D','2026-11-25 09:00:00.123456789+00:00','2026-11-25 09:00:00.123456789+00:00','2126-11-25 09:00:00.123456789+00:00',X'6E756C6C',X'6E756C6C');
CREATE INDEX auth_session_user_idx on auth_session (user_id, connector_id);
COMMIT;

//! TLS to Redis, MariaDB, PostgreSQL and SQL Server with an authority of one's own; and what is said where the two sides do not fit.
#![allow(clippy::unwrap_used)]

use std::path::Path;
use std::time::Duration;

use lookaside::cache::Cache;
use lookaside::source::{SourceCheck, SourceError};
use lookaside::workspace::{CacheConfig, ConnectionUrl};

use crate::replay::Replay;
use crate::servers::{Certificates, MariaDb, PASSWORD, Postgres, Redis, closed_port};
use crate::source_postgres::{cell, collect, query, source};

/// Whether the cache under this URL answers, or the sentence why not.
async fn ping(url: &str) -> Result<String, String> {
    let cache = Cache::new(&CacheConfig {
        url: ConnectionUrl::new(url),
        prefix: "lookaside".to_owned(),
        memory: 0,
    });
    tokio::time::timeout(Duration::from_mins(1), cache.ping())
        .await
        .unwrap()
        .map_err(|error| error.message)
}

/// The sentence about a cache that cannot be reached: it names the cause, and `remedy` where the reader can act.
async fn refused(url: &str, remedy: &str) {
    let sentence = ping(url).await.unwrap_err();
    assert!(
        sentence.contains(remedy)
            && (sentence.contains("127.0.0.1") || sentence.contains("localhost")),
        "{url}: {sentence}"
    );
    assert!(!sentence.contains('\n'), "{url}: {sentence}");
}

#[tokio::test(flavor = "multi_thread")]
async fn redis_over_tls() {
    let ours = Certificates::make();
    let others = Certificates::make();
    let (certificate, key) = ours.server();
    let port = closed_port();
    let text = |path: &Path| path.display().to_string();
    let redis = Redis::start_with(&[
        "--save",
        "",
        "--tls-port",
        &port.to_string(),
        "--tls-cert-file",
        &text(&certificate),
        "--tls-key-file",
        &text(&key),
        "--tls-ca-cert-file",
        &text(&ours.authority()),
        "--tls-auth-clients",
        "no",
    ]);
    let (authority, other) = (text(&ours.authority()), text(&others.authority()));
    let version = ping(&format!("rediss://127.0.0.1:{port}/0?ca={authority}"))
        .await
        .unwrap();
    assert!(version.contains("7."), "{version}");

    for (url, remedy) in [
        // Nobody signed for this one, as far as this machine knows.
        (format!("rediss://127.0.0.1:{port}"), "?ca=FILE"),
        (format!("rediss://127.0.0.1:{port}?ca={other}"), "?ca=FILE"),
        // The certificate is for another name.
        (format!("rediss://localhost:{port}?ca={authority}"), "name"),
        // One side speaks TLS, the other does not.
        (format!("redis://127.0.0.1:{port}"), "rediss://"),
        (
            format!("rediss://127.0.0.1:{}?ca={authority}", redis.port),
            "redis://",
        ),
    ] {
        refused(&url, remedy).await;
    }
    let missing = ping(&format!("rediss://127.0.0.1:{port}?ca=/no/such.pem"))
        .await
        .unwrap_err();
    assert!(missing.contains("/no/such.pem cannot be read"), "{missing}");
}

/// The step on encryption, and that everything else works.
fn encrypted(check: &SourceCheck) {
    assert!(check.ok, "{check:?}");
    let step = check
        .steps
        .iter()
        .find(|step| step.what == "Connection encrypted");
    assert!(
        step.is_some_and(|step| step.detail.contains("TLSv1.")),
        "{check:?}"
    );
}

/// A connection that must not come about, and what its sentence holds.
async fn fails(url: &str, parts: &[&str]) {
    let error = collect(&source(url), query("SELECT 1")).await.unwrap_err();
    assert!(
        matches!(error, SourceError::Connect(_) | SourceError::SignIn(_)),
        "{url}: {error:?}"
    );
    let sentence = error.to_string();
    for part in parts {
        assert!(sentence.contains(part), "{url}: {sentence}");
    }
    assert!(
        !sentence.contains(PASSWORD) && !sentence.contains('\n'),
        "{sentence}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn mariadb_over_tls() {
    let ours = Certificates::make();
    let others = Certificates::make();
    let (certificate, key) = ours.server();
    let server = MariaDb::start_with(&[
        &format!("--ssl-cert={}", certificate.display()),
        &format!("--ssl-key={}", key.display()),
        &format!("--ssl-ca={}", ours.authority().display()),
        "--require-secure-transport=ON",
    ]);
    let (authority, other) = (ours.authority(), others.authority());
    let (authority, other) = (authority.display(), other.display());
    let url = server.url();
    for mode in ["REQUIRED", "VERIFY_CA", "VERIFY_IDENTITY"] {
        let source = source(&format!("{url}?ssl-mode={mode}&ssl-ca={authority}"));
        assert_eq!(cell(&source, query("SELECT 1")).await.as_deref(), Some("1"));
        encrypted(&source.check(&|_| ()).await);
    }
    fails(
        &format!("{url}?ssl-mode=VERIFY_CA&ssl-ca={other}"),
        &["no TLS connection", "ssl-ca"],
    )
    .await;
    fails(
        &format!("{url}?ssl-mode=VERIFY_CA"),
        &["no TLS connection", "ssl-ca"],
    )
    .await;
    let by_name = url.replace("127.0.0.1", "localhost");
    fails(
        &format!("{by_name}?ssl-mode=VERIFY_IDENTITY&ssl-ca={authority}"),
        &["no TLS connection", "name"],
    )
    .await;
    fails(
        &format!("{url}?ssl-mode=DISABLED"),
        &["wants TLS", "ssl-mode=REQUIRED"],
    )
    .await;
    fails(
        &format!("{url}?ssl-mode=VERIFY_CA&ssl-ca=/no/such.pem"),
        &["/no/such.pem"],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn postgres_over_tls() {
    let ours = Certificates::make();
    let others = Certificates::make();
    let server = Postgres::start_tls(&ours);
    let (authority, other) = (ours.authority(), others.authority());
    let (authority, other) = (authority.display(), other.display());
    let url = server.url();
    for mode in ["require", "verify-ca", "verify-full"] {
        let source = source(&format!("{url}?sslmode={mode}&sslrootcert={authority}"));
        assert_eq!(cell(&source, query("SELECT 1")).await.as_deref(), Some("1"));
        encrypted(&source.check(&|_| ()).await);
    }
    fails(
        &format!("{url}?sslmode=verify-ca&sslrootcert={other}"),
        &["no TLS connection", "sslrootcert"],
    )
    .await;
    fails(
        &format!("{url}?sslmode=verify-full"),
        &["no TLS connection", "sslrootcert"],
    )
    .await;
    let by_name = url.replace("127.0.0.1", "localhost");
    fails(
        &format!("{by_name}?sslmode=verify-full&sslrootcert={authority}"),
        &["no TLS connection", "name"],
    )
    .await;
    fails(
        &format!("{url}?sslmode=disable"),
        &["wants TLS", "sslmode=require"],
    )
    .await;
    fails(
        &format!("{url}?sslmode=verify-ca&sslrootcert=/no/such.pem"),
        &["/no/such.pem"],
    )
    .await;
}

/// The server is the tests' own, which replays what was recorded; the client's side of TLS is the real one.
#[tokio::test(flavor = "multi_thread")]
async fn sql_server_over_tls() {
    let ours = Certificates::make();
    let others = Certificates::make();
    let (certificate, key) = ours.server();
    let (authority, other) = (ours.authority(), others.authority());
    let (authority, other) = (authority.display(), other.display());
    let works = async |url: &str| {
        let table = collect(&source(url), query("SELECT 1 AS one")).await;
        assert_eq!(table.unwrap().rows(), 1, "{url}");
    };
    // 1: it encrypts, 3: it wants to.
    for level in [1, 3] {
        let server = Replay::start_tls(&certificate, &key, level);
        let url = server.url().replace("?encrypt=none", "?encrypt");
        for mode in ["on", "strict"] {
            works(&format!(
                "{url}={mode}&trustServerCertificateCA={authority}"
            ))
            .await;
            works(&format!("{url}={mode}&trustServerCertificate=true")).await;
        }
        let by_name = url.replace("127.0.0.1", "localhost");
        works(&format!(
            "{by_name}=on&trustServerCertificateCA={authority}&hostNameInCertificate=127.0.0.1"
        ))
        .await;
        for rest in [String::new(), format!("&trustServerCertificateCA={other}")] {
            fails(
                &format!("{url}=on{rest}"),
                &[
                    "is not trusted",
                    "trustServerCertificateCA=FILE",
                    "127.0.0.1",
                ],
            )
            .await;
        }
        fails(
            &format!("{by_name}=on&trustServerCertificateCA={authority}"),
            &["is not trusted", "name"],
        )
        .await;
        fails(
            &format!("{url}=on&trustServerCertificateCA=/no/such.pem"),
            &["/no/such.pem"],
        )
        .await;
        // Who says nothing of a certificate, and asks for none, still gets no connection that pretends.
        fails(&format!("{url}=none"), &["is not trusted"]).await;
    }
    // The sign-in alone.
    let server = Replay::start_tls(&certificate, &key, 0);
    let url = server.url().replace("?encrypt=none", "?encrypt");
    works(&format!("{url}=off&trustServerCertificateCA={authority}")).await;
    fails(&format!("{url}=on"), &["does not encrypt"]).await;
    let wrong = url.replace("recorded-password", "wr0ng");
    fails(
        &format!("{wrong}=off&trustServerCertificateCA={authority}"),
        &["refused the password", "18456"],
    )
    .await;
}

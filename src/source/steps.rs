//! The steps of a connection test that every server shares.

use std::time::Instant;

use tokio::net::TcpStream;

use super::failure::{Address, CONNECT};
use super::{CheckResult, CheckStep, SourceCheck, SourceError};

/// Collects the steps and shows each as soon as it is done.
pub(super) struct Steps<'a> {
    progress: &'a (dyn Fn(CheckStep) + Send + Sync),
    check: SourceCheck,
    failed: bool,
}

impl<'a> Steps<'a> {
    pub(super) fn new(progress: &'a (dyn Fn(CheckStep) + Send + Sync)) -> Self {
        Self {
            progress,
            check: SourceCheck::default(),
            failed: false,
        }
    }

    fn step(&mut self, what: String, result: CheckResult, detail: String) {
        self.failed |= matches!(result, CheckResult::Failed(_));
        let step = CheckStep {
            what,
            result,
            detail,
        };
        (self.progress)(step.clone());
        self.check.steps.push(step);
    }

    /// A step that works, with a short fact beside it.
    pub(super) fn ok(&mut self, what: impl Into<String>, detail: impl Into<String>) {
        self.step(what.into(), CheckResult::Ok, detail.into());
    }

    /// A step that works, but.
    pub(super) fn warn(&mut self, what: impl Into<String>, but: impl Into<String>) {
        self.step(what.into(), CheckResult::Warning(but.into()), String::new());
    }

    /// A step that does not work, and why.
    pub(super) fn fail(&mut self, what: impl Into<String>, error: &SourceError) {
        self.step(
            what.into(),
            CheckResult::Failed(error.to_string()),
            String::new(),
        );
    }

    /// Product and version.
    pub(super) fn version(&mut self, version: &str) {
        self.check.server_version = Some(version.to_owned());
    }

    /// The whole test.
    pub(super) fn done(mut self) -> SourceCheck {
        self.check.ok = !self.failed;
        self.check
    }

    /// Finds the host and opens its port. Nothing is sent.
    pub(super) async fn reach(&mut self, address: &Address) -> bool {
        // A named instance has its port from SQL Server Browser, which is asked at the sign-in.
        if address.host.contains('\\') {
            return true;
        }
        let Some(port) = address.port else {
            let found = std::path::Path::new(&address.host).exists();
            if found {
                self.ok(format!("{} found", address.host), "");
            } else {
                let error = std::io::Error::from(std::io::ErrorKind::NotFound);
                self.fail(
                    "Find the socket",
                    &SourceError::Connect(address.unreachable_io(&error)),
                );
            }
            return found;
        };
        let started = Instant::now();
        // A URL writes an IPv6 address in brackets, the resolver takes it without.
        let host = address.host.trim_matches(['[', ']']);
        let why = match tokio::time::timeout(CONNECT, TcpStream::connect((host, port))).await {
            Ok(Ok(_)) => {
                let took = crate::human::duration(started.elapsed());
                self.ok(format!("{} found, port {port} open", address.host), took);
                return true;
            }
            Ok(Err(error)) => address.unreachable_io(&error),
            Err(_) => address.silent(),
        };
        self.fail(format!("Reach {address}"), &SourceError::Connect(why));
        false
    }

    /// The step on encryption: `tls` is its version, `None` where there is none.
    pub(super) fn encryption(&mut self, address: &Address, tls: Option<&str>) {
        let host = address.host.trim_matches(['[', ']']);
        let near = address.port.is_none()
            || host == "localhost"
            || host
                .parse::<std::net::IpAddr>()
                .is_ok_and(|ip| ip.is_loopback());
        match tls {
            Some(tls) => self.ok("Connection encrypted", tls),
            None if near => self.ok("Connection stays on this machine", "no TLS"),
            None => self.warn(
                "Connection not encrypted",
                format!(
                    "anyone on the way can read the rows; let the server use TLS, and add {}={} to the source's URL",
                    address.tls.mode, address.tls.best
                ),
            ),
        }
    }

    /// The step on what the account may read.
    pub(super) fn tables(&mut self, user: &str, readable: i64, all: i64) {
        let what = format!("Tables {user} may read");
        if all == 0 {
            self.warn(what, "the database has no tables, or the account sees none; grant it SELECT on those that reports use");
        } else if readable < all {
            self.warn(
                what,
                format!("{readable} of {all}; grant SELECT on those that reports use"),
            );
        } else {
            self.ok(
                what,
                if all == 1 {
                    "the only one".to_owned()
                } else {
                    format!("all {all}")
                },
            );
        }
    }
}

//! Certificates as a company's own authority signs them, made by openssl.

use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use super::{program, stdout_of};

/// An authority of one's own, and a certificate of it for 127.0.0.1 alone.
pub(crate) struct Certificates(TempDir);

impl Certificates {
    pub(crate) fn make() -> Self {
        let made = Self(tempfile::tempdir().unwrap());
        let new_key = [
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:prime256v1",
            "-nodes",
        ];
        made.openssl(
            &[
                &[
                    "req",
                    "-x509",
                    "-days",
                    "30",
                    "-subj",
                    "/CN=an authority of our own",
                ][..],
                &["-keyout", "ca.key", "-out", "ca.pem"],
                &new_key,
            ]
            .concat(),
        );
        made.openssl(
            &[
                &[
                    "req",
                    "-subj",
                    "/CN=a server",
                    "-keyout",
                    "server.key",
                    "-out",
                    "server.csr",
                ][..],
                &new_key,
            ]
            .concat(),
        );
        std::fs::write(made.path("names"), "subjectAltName=IP:127.0.0.1").unwrap();
        made.openssl(&[
            "x509",
            "-req",
            "-days",
            "30",
            "-in",
            "server.csr",
            "-out",
            "server.pem",
            "-CA",
            "ca.pem",
            "-CAkey",
            "ca.key",
            "-CAcreateserial",
            "-extfile",
            "names",
        ]);
        made
    }

    fn openssl(&self, args: &[&str]) {
        let mut command = Command::new(program(&["openssl"], &[], "openssl"));
        command.args(args).current_dir(self.0.path());
        stdout_of(command, "");
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// The authority's certificate, which a client trusts.
    pub(crate) fn authority(&self) -> PathBuf {
        self.path("ca.pem")
    }

    /// The server's certificate and key.
    pub(crate) fn server(&self) -> (PathBuf, PathBuf) {
        (self.path("server.pem"), self.path("server.key"))
    }

    /// The folder that holds them all.
    pub(crate) fn folder(&self) -> &Path {
        self.0.path()
    }
}

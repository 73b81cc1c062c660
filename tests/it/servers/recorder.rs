//! A proxy in front of a Redis that records what each connection sends.

use std::io::{BufReader, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use super::stranger::command;

/// The commands of one connection in order, each as its words, the first in upper case.
type Sent = Vec<Vec<Vec<u8>>>;

/// Listens on a free port until the process ends and passes everything on.
pub(crate) struct Recorder {
    port: u16,
    connections: Arc<Mutex<Vec<Sent>>>,
}

impl Recorder {
    /// Starts one in front of the server at a loopback port.
    pub(crate) fn start(server: u16) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let connections: Arc<Mutex<Vec<Sent>>> = Arc::default();
        let all = connections.clone();
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let mut known = all.lock().unwrap();
                known.push(Vec::new());
                let (all, at) = (all.clone(), known.len() - 1);
                std::thread::spawn(move || pass(&client, server, &all, at));
            }
        });
        Self { port, connections }
    }

    /// The URL of a Redis with the address of this proxy in the place of its own.
    pub(crate) fn url(&self, of: &str, server: u16) -> String {
        of.replace(&format!(":{server}"), &format!(":{}", self.port))
    }

    /// What each connection has sent so far.
    pub(crate) fn connections(&self) -> Vec<Sent> {
        self.connections.lock().unwrap().clone()
    }
}

/// Passes one connection on until either side closes it.
fn pass(client: &TcpStream, server: u16, all: &Mutex<Vec<Sent>>, at: usize) -> Option<()> {
    let mut to = TcpStream::connect(("127.0.0.1", server)).ok()?;
    let (mut answers, mut back) = (to.try_clone().ok()?, client.try_clone().ok()?);
    std::thread::spawn(move || {
        let _ = std::io::copy(&mut answers, &mut back);
        let _ = back.shutdown(Shutdown::Both);
    });
    let mut from = BufReader::new(client.try_clone().ok()?);
    while let Some(words) = command(&mut from) {
        let mut packed = format!("*{}\r\n", words.len()).into_bytes();
        for word in &words {
            packed.extend(format!("${}\r\n", word.len()).into_bytes());
            packed.extend_from_slice(word);
            packed.extend(b"\r\n");
        }
        // Recorded before it is answered, so that a test that has the answer sees the command too.
        all.lock().unwrap()[at].push(words);
        to.write_all(&packed).ok()?;
    }
    to.shutdown(Shutdown::Both).ok()
}

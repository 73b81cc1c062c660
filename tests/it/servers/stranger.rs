//! A server that is none: it takes commands as Redis does and answers what a test wants.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;

/// What is answered.
pub(crate) enum Reply {
    /// These bytes, as they stand.
    Bytes(Vec<u8>),
    /// These, and then nothing more on this connection, which stays open.
    Hang(Vec<u8>),
    /// These, and then the end of the connection.
    Close(Vec<u8>),
}

impl Reply {
    pub(crate) fn text(text: &str) -> Self {
        Self::Bytes(text.as_bytes().to_vec())
    }

    /// A bulk string.
    pub(crate) fn bulk(bytes: &[u8]) -> Self {
        let mut reply = format!("${}\r\n", bytes.len()).into_bytes();
        reply.extend_from_slice(bytes);
        reply.extend_from_slice(b"\r\n");
        Self::Bytes(reply)
    }
}

/// A listener on a free port until the process ends: its threads wait for connections that nobody opens any more.
pub(crate) struct Stranger {
    pub(crate) port: u16,
}

impl Stranger {
    /// Starts one. `answer` gets a command's words, the first of them in upper case.
    pub(crate) fn start(answer: impl Fn(&[Vec<u8>]) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let answer = Arc::new(answer);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let answer = answer.clone();
                std::thread::spawn(move || serve(stream, &*answer));
            }
        });
        Self { port }
    }

    /// `redis://127.0.0.1:PORT/0`.
    pub(crate) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}/0", self.port)
    }
}

fn serve(stream: TcpStream, answer: &dyn Fn(&[Vec<u8>]) -> Reply) -> Option<()> {
    let mut out = stream.try_clone().ok()?;
    let mut from = BufReader::new(stream);
    loop {
        let words = command(&mut from)?;
        match answer(&words) {
            Reply::Bytes(bytes) => out.write_all(&bytes).ok()?,
            Reply::Hang(bytes) => {
                out.write_all(&bytes).ok()?;
                // Until the other side hangs up.
                std::io::copy(&mut from, &mut std::io::sink()).ok()?;
                return None;
            }
            Reply::Close(bytes) => {
                out.write_all(&bytes).ok()?;
                return None;
            }
        }
    }
}

/// The words of the next command; `None` at the end.
pub(super) fn command(from: &mut BufReader<TcpStream>) -> Option<Vec<Vec<u8>>> {
    let count = number(from, '*')?;
    let mut words = Vec::new();
    for _ in 0..count {
        let length = number(from, '$')?;
        let mut word = vec![0; length + 2];
        from.read_exact(&mut word).ok()?;
        word.truncate(length);
        words.push(word);
    }
    words.first_mut()?.make_ascii_uppercase();
    Some(words)
}

/// The number behind a mark, in a line of its own.
fn number(from: &mut BufReader<TcpStream>, mark: char) -> Option<usize> {
    let mut line = String::new();
    from.read_line(&mut line).ok()?;
    line.trim_end().strip_prefix(mark)?.parse().ok()
}

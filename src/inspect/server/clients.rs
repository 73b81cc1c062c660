//! Who is connected?

use std::time::Duration;

use super::answer::line;

/// Clients up to which the list is asked for unasked: a longer one would hold the server up for milliseconds.
pub const MOST_CLIENTS: u64 = 5_000;

/// The connected clients.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Clients {
    /// One each.
    pub all: Vec<ConnectedClient>,
}

/// A connected client.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ConnectedClient {
    /// Its number.
    pub id: u64,
    /// Where it comes from.
    pub address: String,
    /// What it calls itself.
    pub name: String,
    /// The account, empty where the server does not tell it.
    pub user: String,
    /// Its library and version, empty where the server does not tell them.
    pub driver: String,
    /// How long it has been connected.
    pub age: Duration,
    /// How long it has said nothing.
    pub idle: Duration,
    /// The database number.
    pub database: u64,
    /// Its last command.
    pub command: String,
    /// Bytes that it takes on the server, its buffers included.
    pub memory: u64,
    /// Bytes of answers that wait for it to read them.
    pub waiting: u64,
    /// The server's letters for what it is.
    pub flags: String,
}

/// What clients are sorted by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ClientSort {
    /// Address.
    Address,
    /// Name.
    Name,
    /// How long it has been connected.
    Age,
    /// How long it has said nothing.
    Idle,
    /// Its last command.
    Command,
    /// What it takes on the server.
    #[default]
    Memory,
}

impl Clients {
    /// Reads the text of CLIENT LIST. A field that is missing or odd is empty or zero.
    pub(super) fn read(text: &str) -> Self {
        let all = text.lines().filter_map(client).collect();
        Self { all }
    }

    /// The clients that contain a text, in an order.
    pub fn select(&self, text: &str, sort: ClientSort, descending: bool) -> Vec<&ConnectedClient> {
        let wanted = text.trim().to_lowercase();
        let mut found: Vec<&ConnectedClient> = self
            .all
            .iter()
            .filter(|client| client.contains(&wanted))
            .collect();
        found.sort_by(|a, b| {
            let order = match sort {
                ClientSort::Address => a.address.cmp(&b.address),
                ClientSort::Name => a.name.cmp(&b.name),
                ClientSort::Age => a.age.cmp(&b.age),
                ClientSort::Idle => a.idle.cmp(&b.idle),
                ClientSort::Command => a.command.cmp(&b.command),
                ClientSort::Memory => a.memory.cmp(&b.memory),
            };
            let order = if descending { order.reverse() } else { order };
            order.then(a.id.cmp(&b.id))
        });
        found
    }
}

impl ConnectedClient {
    /// What the flags say that is worth saying; empty for a usual client.
    pub fn kind(&self) -> &'static str {
        let has = |flag| self.flags.contains(flag);
        if self.name.starts_with("lookaside") {
            "Lookaside"
        } else if self.is_sentinel() {
            "sentinel"
        } else if has('S') {
            "replica"
        } else if has('M') {
            "primary"
        } else if has('O') {
            "monitor"
        } else if has('P') {
            "subscriber"
        } else if has('b') {
            "blocked"
        } else if has('x') {
            "in MULTI"
        } else {
            ""
        }
    }

    /// Whether a sentinel holds this connection: they name theirs `sentinel-1a2b3c4d-cmd` and `-pubsub`.
    pub(super) fn is_sentinel(&self) -> bool {
        self.name
            .strip_prefix("sentinel-")
            .is_some_and(|rest| rest.ends_with("-cmd") || rest.ends_with("-pubsub"))
    }

    fn contains(&self, wanted: &str) -> bool {
        wanted.is_empty()
            || [
                &self.address,
                &self.name,
                &self.user,
                &self.driver,
                &self.command,
            ]
            .into_iter()
            .any(|text| text.to_lowercase().contains(wanted))
            || self.kind().contains(wanted)
    }
}

fn client(row: &str) -> Option<ConnectedClient> {
    let mut client = ConnectedClient::default();
    let mut known = false;
    let mut library = (String::new(), String::new());
    for field in row.split(' ') {
        let Some((name, value)) = field.split_once('=') else {
            continue;
        };
        let number = || value.parse::<u64>().unwrap_or_default();
        match name {
            "id" => {
                client.id = value.parse().ok()?;
                known = true;
            }
            "addr" => client.address = line(value, 100),
            "name" => client.name = line(value, 100),
            "user" => client.user = line(value, 100),
            "lib-name" => library.0 = line(value, 60),
            "lib-ver" => library.1 = line(value, 30),
            "age" => client.age = Duration::from_secs(number()),
            "idle" => client.idle = Duration::from_secs(number()),
            "db" => client.database = number(),
            "cmd" => client.command = line(&value.replace('|', " "), 60),
            "tot-mem" => client.memory = number(),
            "omem" => client.waiting = number(),
            "flags" => client.flags = line(value, 20),
            _ => {}
        }
    }
    client.driver = format!("{} {}", library.0, library.1).trim().into();
    known.then_some(client)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const GOLDEN: &str = "id=5 addr=127.0.0.1:37714 laddr=127.0.0.1:7391 fd=8 name= age=70 idle=0 flags=N db=0 sub=0 psub=0 qbuf=26 omem=0 tot-mem=37658 events=r cmd=client|list user=default redir=-1 resp=2\nid=7 addr=10.0.0.9:5000 fd=9 name=sentinel-1a2b3c4d-cmd age=9 idle=3 flags=N db=0 omem=20 tot-mem=90000 cmd=ping user=sentinel lib-name=redis-py lib-ver=5.0.1\nid=8 addr=10.0.0.4:6379 name=x flags=S cmd=replconf\n";

    #[test]
    fn every_field_is_read() {
        let clients = Clients::read(GOLDEN);
        assert_eq!(clients.all.len(), 3);
        let first = &clients.all[0];
        assert_eq!(
            (first.address.as_str(), first.command.as_str(), first.memory),
            ("127.0.0.1:37714", "client list", 37_658)
        );
        assert_eq!(first.age, Duration::from_secs(70));
        let kinds: Vec<_> = clients.all.iter().map(ConnectedClient::kind).collect();
        assert_eq!(kinds, ["", "sentinel", "replica"]);
        assert_eq!(clients.all[1].driver, "redis-py 5.0.1");
    }

    #[test]
    fn clients_are_found_and_sorted() {
        let clients = Clients::read(GOLDEN);
        let ids = |text, sort, descending| -> Vec<u64> {
            let found = clients.select(text, sort, descending);
            found.into_iter().map(|client| client.id).collect()
        };
        assert_eq!(ids("", ClientSort::Memory, true), [7, 5, 8]);
        assert_eq!(ids("", ClientSort::Age, false), [8, 7, 5]);
        assert_eq!(ids("REDIS-PY", ClientSort::Memory, true), [7]);
        assert_eq!(ids("replica", ClientSort::Memory, true), [8]);
    }

    #[test]
    fn hostile_rows_are_left_out() {
        let clients = Clients::read(
            "id= addr=x\n\nnothing\nid=99999999999999999999\nid=1 age=-4 tot-mem=x name=\u{1b}c=d=e",
        );
        assert_eq!(clients.all.len(), 1);
        assert_eq!(clients.all[0].name, "\\u{1b}c=d=e");
        assert_eq!(clients.all[0].age, Duration::ZERO);
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "(?s).{0,300}") {
            let _ = Clients::read(&text).select("a", ClientSort::Name, false).len();
        }
    }
}

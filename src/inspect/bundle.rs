//! How are many keys asked about in one command, where the server runs scripts that it keeps from writing?
//!
//! EVAL_RO, from Redis 7.0 and in Valkey, runs a script that the server lets only read. Ours asks the questions of
//! `questions.rs` about each of its keys and answers with one line a key, so that neither side has to write, send and
//! read six messages a key. Whatever is not an everyday answer (an error, a number out of range) is
//! left to the plain questions.

use redis::{Pipeline, Value};

use super::questions::{Ask, LARGEST, LONGEST_WORD, SAMPLES};
use super::{Key, Kind, Ttl};

/// The script. Keys are arguments, for the keys of a script must share a slot on a cluster. What is no number where one is
/// expected does not go into a line.
pub(super) const SCRIPT: &str = "\
local call, format, out = redis.pcall, string.format, {}
local use, samples, counts = ARGV[1], ARGV[2], ARGV[3] == 'yes'
local length = {hash = 'HLEN', list = 'LLEN', set = 'SCARD', zset = 'ZCARD', stream = 'XLEN'}
for i = 4, #ARGV do
  local key = ARGV[i]
  local kind = call('TYPE', key).ok
  local told, line = true, kind
  if kind ~= 'none' then
    told, line = pcall(format, '%s %d %s %d %d', kind, call('PTTL', key), call('OBJECT', 'ENCODING', key),
      call('OBJECT', use, key), call('MEMORY', 'USAGE', key, 'SAMPLES', samples))
    if told and counts and length[kind] then
      told, line = pcall(format, '%s %d', line, call(length[kind], key))
    end
  end
  out[i - 3] = told and line or '!'
end
return table.concat(out, '\\n')";

/// Keys of one script: other clients wait while it runs, about a millisecond.
const KEYS: usize = 200;

/// For fewer keys a script costs the server more than their questions do.
pub(super) const FEWEST: usize = 50;

/// What a script told of a key.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Told<'a> {
    /// Everything.
    Key(Key<'a>),
    /// It is gone.
    Gone,
    /// Something that the plain questions have to find out.
    Odd,
}

/// Adds the scripts that ask about these keys.
pub(super) fn ask(pipe: &mut Pipeline, ask: Ask, names: &[Vec<u8>]) {
    for names in names.chunks(KEYS) {
        let command = pipe.cmd("EVAL_RO").arg(SCRIPT).arg(0);
        command
            .arg(if ask.frequency { "FREQ" } else { "IDLETIME" })
            .arg(SAMPLES)
            .arg(if ask.elements { "yes" } else { "no" });
        for name in names {
            command.arg(name);
        }
    }
}

/// Hands on what the scripts that were asked as `ask` about `names` answered at `now`, in milliseconds since 1970;
/// whether the server ran them all.
pub(super) fn told(
    ask: Ask,
    names: &[Vec<u8>],
    answers: &mut impl Iterator<Item = Value>,
    now: i64,
    mut each: impl FnMut(&[u8], Told<'_>),
) -> bool {
    let mut ran = true;
    for names in names.chunks(KEYS) {
        let text = match answers.next() {
            Some(Value::BulkString(bytes)) => String::from_utf8(bytes).ok(),
            _ => None,
        };
        let text = text.filter(|text| text.split('\n').count() == names.len());
        ran &= text.is_some();
        let mut lines = text.iter().flat_map(|text| text.split('\n'));
        for name in names {
            let line = lines.next().unwrap_or_default();
            each(name, read(ask, name, line, now));
        }
    }
    ran
}

fn read<'a>(ask: Ask, name: &'a [u8], line: &'a str, now: i64) -> Told<'a> {
    if line == "none" {
        return Told::Gone;
    }
    key(ask, name, line, now).map_or(Told::Odd, Told::Key)
}

fn key<'a>(ask: Ask, name: &'a [u8], line: &'a str, now: i64) -> Option<Key<'a>> {
    let mut words = line.split(' ');
    let type_name = words
        .next()
        .filter(|word| (1..=LONGEST_WORD).contains(&word.len()))?;
    let ttl: i64 = words.next()?.parse().ok()?;
    let encoding = words.next().filter(|word| word.len() <= LONGEST_WORD)?;
    let used: u32 = words.next()?.parse().ok()?;
    let bytes: u64 = words.next()?.parse().ok()?;
    let elements = match words.next() {
        None => None,
        // A collection that is there is never empty.
        Some(word) => Some(word.parse::<u32>().ok().filter(|elements| *elements > 0)?),
    };
    if words.next().is_some() || ttl < -1 {
        return None;
    }
    Some(Key {
        name,
        kind: Kind::from_type(type_name),
        type_name,
        ttl: if ttl < 0 {
            Ttl::Never
        } else {
            Ttl::At(now.saturating_add(ttl))
        },
        bytes: Some(bytes.min(LARGEST)),
        encoding,
        elements,
        idle: (!ask.frequency).then_some(used),
        frequency: ask.frequency.then(|| u8::try_from(used).unwrap_or(u8::MAX)),
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::Server;
    use super::super::questions::Questions;
    use super::*;

    fn asked() -> Ask {
        let server = Server {
            untouched: true,
            ..Server::default()
        };
        Questions::new(&server, false).ask
    }

    #[test]
    fn a_line_is_a_key_and_what_is_no_everyday_line_is_asked_about_plainly() {
        let Told::Key(key) = read(asked(), b"k", "hash 1500 listpack 7 96 3", 1_000) else {
            panic!("no key");
        };
        assert_eq!(
            (key.kind, key.ttl, key.encoding),
            (Kind::Hash, Ttl::At(2_500), "listpack")
        );
        assert_eq!(
            (key.bytes, key.elements, key.idle, key.frequency),
            (Some(96), Some(3), Some(7), None)
        );
        let mut by_use = asked();
        by_use.frequency = true;
        let Told::Key(key) = read(by_use, b"k", "MBbloom-- -1 raw 300 96", 0) else {
            panic!("no key");
        };
        assert_eq!(
            (key.kind, key.type_name, key.ttl),
            (Kind::Other, "MBbloom--", Ttl::Never)
        );
        assert_eq!((key.idle, key.frequency), (None, Some(255)));
        assert_eq!(read(asked(), b"k", "none", 0), Told::Gone);
        for odd in [
            "",
            "!",
            "string",
            "string -1 embstr 1",
            "string x embstr 1 2",
            "string -1 embstr x 2",
            "string -1 embstr 1 x",
            "hash -1 listpack 1 2 x",
            "hash -1 listpack 1 2 0",
            "hash -1 listpack 1 2 3 4",
            "string -2 embstr 1 2",
            "string 1e+15 embstr 1 2",
            "string -9223372036854775808 embstr 1 2",
            "string -1 embstr 99999999999 2",
            " -1 embstr 1 2",
        ] {
            assert_eq!(read(asked(), b"k", odd, 0), Told::Odd, "{odd:?}");
        }
    }

    #[test]
    fn every_name_is_told_once_whatever_the_server_answers() {
        let names: Vec<Vec<u8>> = (0..KEYS + 3).map(|i| i.to_string().into_bytes()).collect();
        let line =
            |count: usize| Value::BulkString(["none"; KEYS][..count].join("\n").into_bytes());
        let told = |answers: Vec<Value>| {
            let (mut gone, mut odd) = (0, 0);
            let ran = told(
                asked(),
                &names,
                &mut answers.into_iter(),
                0,
                |_, told| match told {
                    Told::Gone => gone += 1,
                    _ => odd += 1,
                },
            );
            (ran, gone, odd)
        };
        assert_eq!(told(vec![line(KEYS), line(3)]), (true, KEYS + 3, 0));
        assert_eq!(told(vec![line(KEYS), line(2)]), (false, KEYS, 3));
        assert_eq!(told(vec![Value::Nil, line(3)]), (false, 3, KEYS));
        assert_eq!(
            told(vec![Value::BulkString(vec![0xff]), Value::Int(3)]),
            (false, 0, KEYS + 3)
        );
        assert_eq!(told(Vec::new()), (false, 0, KEYS + 3));
    }
}

//! Whether a name matches a pattern, by the rules of Redis's own MATCH.

/// A filter as typed: a glob where it holds `*`, `?` or `[`, else a prefix.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Pattern(Vec<u8>);

impl Pattern {
    /// Reads what was typed; nothing matches everything.
    pub fn typed(text: &str) -> Self {
        let text = text.trim();
        let is_glob = text.contains(['*', '?', '[']);
        let mut bytes = text.as_bytes().to_vec();
        if !is_glob {
            bytes = escape(&bytes);
            bytes.push(b'*');
        }
        Self(bytes)
    }

    /// A glob as it stands.
    pub fn glob(glob: &[u8]) -> Self {
        Self(glob.to_vec())
    }

    /// Every name that begins with these bytes.
    pub fn prefix(prefix: &[u8]) -> Self {
        let mut bytes = escape(prefix);
        bytes.push(b'*');
        Self(bytes)
    }

    /// The glob, as MATCH takes it.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Whether it matches everything.
    pub fn is_all(&self) -> bool {
        self.0.is_empty() || self.0.iter().all(|byte| *byte == b'*')
    }

    /// Whether a name matches.
    pub fn matches(&self, name: &[u8]) -> bool {
        self.is_all() || matches(&self.0, name)
    }
}

fn escape(bytes: &[u8]) -> Vec<u8> {
    let mut escaped = Vec::with_capacity(bytes.len());
    for byte in bytes {
        if matches!(byte, b'*' | b'?' | b'[' | b']' | b'\\' | b'^' | b'-') {
            escaped.push(b'\\');
        }
        escaped.push(*byte);
    }
    escaped
}

/// Matches in linear space and at most `pattern * name` steps: only the last `*` is ever tried again.
fn matches(pattern: &[u8], name: &[u8]) -> bool {
    let (mut p, mut n) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while n < name.len() {
        if pattern.get(p) == Some(&b'*') {
            star = Some((p + 1, n));
            p += 1;
            continue;
        }
        if let Some(next) = one(pattern, p, name[n]) {
            p = next;
            n += 1;
            continue;
        }
        let Some((after, from)) = star else {
            return false;
        };
        star = Some((after, from + 1));
        p = after;
        n = from + 1;
    }
    pattern[p..].iter().all(|byte| *byte == b'*')
}

/// Where the pattern goes on if the piece at `p` matches `byte`.
fn one(pattern: &[u8], p: usize, byte: u8) -> Option<usize> {
    match *pattern.get(p)? {
        b'?' => Some(p + 1),
        b'[' => class(pattern, p + 1, byte),
        b'\\' if p + 1 < pattern.len() => (pattern[p + 1] == byte).then_some(p + 2),
        literal => (literal == byte).then_some(p + 1),
    }
}

/// `[abc]`, `[a-z]`, `[^a]`; one that is never closed ends with the pattern, as in Redis.
fn class(pattern: &[u8], mut p: usize, byte: u8) -> Option<usize> {
    let not = pattern.get(p) == Some(&b'^');
    p += usize::from(not);
    let mut found = false;
    loop {
        match pattern.get(p) {
            None => break,
            Some(b']') => {
                p += 1;
                break;
            }
            Some(b'\\') if p + 1 < pattern.len() => {
                found |= pattern[p + 1] == byte;
                p += 2;
            }
            Some(&low) if pattern.get(p + 1) == Some(&b'-') && p + 2 < pattern.len() => {
                let high = pattern[p + 2];
                found |= (low.min(high)..=low.max(high)).contains(&byte);
                p += 3;
            }
            Some(&literal) => {
                found |= literal == byte;
                p += 1;
            }
        }
    }
    (found != not).then_some(p)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn globs_match_as_in_redis() {
        let cases: &[(&str, &str, bool)] = &[
            ("h?llo", "hello", true),
            ("h?llo", "hllo", false),
            ("h*llo", "heeeello", true),
            ("h[ae]llo", "hallo", true),
            ("h[^e]llo", "hello", false),
            ("h[a-b]llo", "hbllo", true),
            ("*:*:x", "a:b:x", true),
            ("a\\*b", "a*b", true),
            ("a\\*b", "axb", false),
            ("*a*a*a*a*b", &"a".repeat(60), false),
            ("[", "x", false),
            ("a*", "a", true),
        ];
        for (glob, name, expected) in cases {
            assert_eq!(
                Pattern::glob(glob.as_bytes()).matches(name.as_bytes()),
                *expected,
                "{glob} {name}"
            );
        }
    }

    #[test]
    fn text_without_a_wildcard_is_a_prefix() {
        assert!(Pattern::typed("app:ses").matches(b"app:session:1"));
        assert!(!Pattern::typed("session").matches(b"app:session:1"));
        assert!(Pattern::typed("*session").matches(b"app:session"));
        assert!(Pattern::typed(" ").matches(b"\xff"));
        assert!(Pattern::prefix(b"a[*\\\xff").matches(b"a[*\\\xff!"));
    }
}

//! A *challenge* names the authentication that a server requires: the `WWW-Authenticate` header
//! (RFC 9110, 11.6.1), as registries use it
//! (<https://distribution.github.io/distribution/spec/auth/token/>).

/// One authentication scheme that a server accepts, with its parameters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuthChallenge {
    /// The scheme in lower case, e.g. `basic` or `bearer`.
    pub scheme: String,
    /// Names in lower case, and values.
    parameters: Vec<(String, String)>,
}

impl AuthChallenge {
    /// Returns the value of a parameter, whose name is in lower case.
    pub(crate) fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters.iter().find(|(given, _)| given == name).map(|(_, value)| &**value)
    }

    /// Parses all challenges of one header; invalid parts are skipped.
    pub fn parse(header: &str) -> Vec<Self> {
        let mut challenges: Vec<Self> = Vec::new();
        let mut rest = header;
        loop {
            rest = rest.trim_start_matches([' ', '\t', ',']);
            let word = rest.find(|c| !is_token_char(c)).unwrap_or(rest.len());
            if word == 0 {
                // Neither a scheme nor a parameter: look for the next comma.
                match rest.find(',') {
                    Some(comma) => rest = &rest[comma..],
                    None => return challenges,
                }
                continue;
            }
            let (name, after) = rest.split_at(word);
            let after_space = after.trim_start_matches([' ', '\t']);
            rest = match (after_space.strip_prefix('='), challenges.last_mut()) {
                (Some(value), Some(challenge)) => {
                    let (value, after) = split_value(value.trim_start());
                    challenge.parameters.push((name.to_ascii_lowercase(), value));
                    after
                }
                (Some(value), None) => split_value(value.trim_start()).1,
                (None, _) => {
                    let scheme = name.to_ascii_lowercase();
                    challenges.push(Self { scheme, parameters: Vec::new() });
                    after
                }
            };
        }
    }
}

/// Splits a value, quoted or not, from what follows.
fn split_value(text: &str) -> (String, &str) {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find([',', ' ', '\t']).unwrap_or(text.len());
        return (text[..end].to_owned(), &text[end..]);
    };
    let mut value = String::new();
    let mut chars = quoted.char_indices();
    while let Some((at, char)) = chars.next() {
        match char {
            '"' => return (value, &quoted[at + 1..]),
            '\\' => value.extend(chars.next().map(|(_, escaped)| escaped)),
            _ => value.push(char),
        }
    }
    (value, "")
}

fn is_token_char(char: char) -> bool {
    char.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(char)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn challenges_are_read() {
        let check = |header: &str, expected: &str| {
            let found = AuthChallenge::parse(header).into_iter().map(|challenge| {
                let parameters =
                    challenge.parameters.iter().map(|(name, value)| format!(" {name}={value}"));
                challenge.scheme.clone() + &parameters.collect::<String>()
            });
            assert_eq!(found.collect::<Vec<_>>().join("; "), expected, "{header}");
        };
        check("", "");
        check("Basic", "basic");
        check(r#"Basic realm="Registry Realm""#, "basic realm=Registry Realm");
        check(
            r#"Bearer realm="https://auth.docker.io/token",service="registry.docker.io",scope="repository:a/b:pull,push""#,
            "bearer realm=https://auth.docker.io/token service=registry.docker.io scope=repository:a/b:pull,push",
        );
        check(r#"Bearer realm=https://a/t , service = x"#, "bearer realm=https://a/t service=x");
        check(r#"Basic realm="a", Bearer realm="b""#, "basic realm=a; bearer realm=b");
        check(r#"Negotiate, Basic realm="a""#, "negotiate; basic realm=a");
        check(r#"bearer realm="a\"b\\c""#, r#"bearer realm=a"b\c"#);
        check(r#"Bearer realm="unfinished"#, "bearer realm=unfinished");
        check(r#"realm="a""#, "");
        check(r#"=, Basic"#, "basic");
        check(r#"BEARER REALM="a",error="invalid_token""#, "bearer realm=a error=invalid_token");
    }

    proptest! {
        #[test]
        fn any_header_is_read(header in "\\PC*") {
            drop(AuthChallenge::parse(&header));
        }
    }
}

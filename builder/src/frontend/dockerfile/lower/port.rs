//! The *ports* of EXPOSE: `80`, `53/udp`, `8000-8010/tcp`, as docker/go-connections `nat` parses
//! them.

use std::ops::RangeInclusive;

/// Protocols that a port can have.
const PROTOCOLS: [&str; 3] = ["tcp", "udp", "sctp"];

/// Returns the keys of `ExposedPorts` for a word of EXPOSE.
pub(super) fn exposed_ports(word: &str) -> Result<Vec<String>, String> {
    let (ports, protocol) = word.split_once('/').unwrap_or((word, "tcp"));
    let protocol = protocol.to_ascii_lowercase();
    if !PROTOCOLS.contains(&protocol.as_str()) {
        return Err(format!("`{protocol}` is not a protocol; tcp, udp and sctp are"));
    }
    // The part before a colon is a port of the host, which docker itself ignores.
    let container = ports.rsplit(':').next().unwrap_or(ports);
    let range = parse_range(container).ok_or_else(|| format!("`{container}` is not a port"))?;
    Ok(range.map(|port| format!("{port}/{protocol}")).collect())
}

fn parse_range(text: &str) -> Option<RangeInclusive<u16>> {
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let number = |text: &str| {
        let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        is_number.then(|| text.parse::<u16>().ok()).flatten()
    };
    let (first, last) = (number(first)?, number(last)?);
    (first <= last).then_some(first..=last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_expose_are_ports() {
        let check = |word: &str, expected: Result<&[&str], &str>| {
            let expected = expected.map(|ports| ports.iter().map(ToString::to_string).collect());
            assert_eq!(exposed_ports(word), expected.map_err(str::to_owned), "{word}");
        };
        check("80", Ok(&["80/tcp"]));
        check("53/UDP", Ok(&["53/udp"]));
        check("7-9/sctp", Ok(&["7/sctp", "8/sctp", "9/sctp"]));
        check("8080:80", Ok(&["80/tcp"]));
        check("127.0.0.1:8080:80/tcp", Ok(&["80/tcp"]));
        check("0", Ok(&["0/tcp"]));
        check("65535", Ok(&["65535/tcp"]));
        check("65536", Err("`65536` is not a port"));
        check("9-7", Err("`9-7` is not a port"));
        check("+7", Err("`+7` is not a port"));
        check("", Err("`` is not a port"));
        check("a", Err("`a` is not a port"));
        check("80/", Err("`` is not a protocol; tcp, udp and sctp are"));
        check("80/icmp", Err("`icmp` is not a protocol; tcp, udp and sctp are"));
    }
}

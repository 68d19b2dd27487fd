//! *Licenses* as packages have them. Documents may use the identifiers of SPDX only; other names, such as
//! `GPLv2+` of older packages, are quoted.

/// Identifiers that packages of distributions use most (<https://spdx.org/licenses/>). One that is missing here is
/// quoted, which is allowed.
const IDENTIFIERS: [&str; 47] = [
    "0BSD",
    "AFL-2.1",
    "AGPL-3.0-only",
    "AGPL-3.0-or-later",
    "Apache-2.0",
    "Artistic-1.0-Perl",
    "Artistic-2.0",
    "BSD-1-Clause",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BSD-4-Clause",
    "BSL-1.0",
    "CC-BY-4.0",
    "CC-BY-SA-4.0",
    "CC0-1.0",
    "CDDL-1.0",
    "EPL-2.0",
    "FSFAP",
    "FSFUL",
    "FSFULLR",
    "GFDL-1.3-or-later",
    "GPL-1.0-or-later",
    "GPL-2.0-only",
    "GPL-2.0-or-later",
    "GPL-3.0-only",
    "GPL-3.0-or-later",
    "HPND",
    "ISC",
    "LGPL-2.0-only",
    "LGPL-2.0-or-later",
    "LGPL-2.1-only",
    "LGPL-2.1-or-later",
    "LGPL-3.0-only",
    "LGPL-3.0-or-later",
    "MIT",
    "MIT-0",
    "MPL-1.1",
    "MPL-2.0",
    "NCSA",
    "OFL-1.1",
    "OLDAP-2.8",
    "OpenSSL",
    "PSF-2.0",
    "Python-2.0",
    "Unicode-3.0",
    "Vim",
    "Zlib",
];

/// Returns whether a license is an expression of SPDX (SPDX 2.3, annex D) of identifiers that are known here:
/// identifiers with `AND` or `OR` between them, and parentheses.
pub(super) fn is_expression(license: &str) -> bool {
    let spaced = license.replace('(', " ( ").replace(')', " ) ");
    let (mut depth, mut wants_name) = (0_u32, true);
    for word in spaced.split_whitespace() {
        match word {
            "(" if wants_name => depth += 1,
            ")" if !wants_name && depth > 0 => depth -= 1,
            "AND" | "OR" if !wants_name => wants_name = true,
            name if wants_name && IDENTIFIERS.contains(&name) => wants_name = false,
            _ => return false,
        }
    }
    depth == 0 && !wants_name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expressions_are_told_from_other_names() {
        let check = |license: &str, expected: bool| {
            assert_eq!(is_expression(license), expected, "{license}");
        };
        for license in ["MIT", "MIT AND Zlib", "(MIT OR Apache-2.0) AND (ISC)", "((MIT))"] {
            check(license, true);
        }
        let others =
            ["", "GPLv2+", "MIT and Zlib", "MIT AND", "AND MIT", "(MIT", "MIT)", "MIT Zlib"];
        for license in others {
            check(license, false);
        }
    }
}

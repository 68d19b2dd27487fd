//! A *platform* is what an image's disk runs on, as the OCI image index has it: operating system
//! and architecture in Go's spelling (GOOS/GOARCH), and a variant for some architectures.

use std::fmt;
use std::str::FromStr;

use serde_json::Value;
use thiserror::Error;

/// An operating system, an architecture and perhaps a variant, e.g. `linux/arm64`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Platform {
    /// GOOS, e.g. `linux`.
    pub os: String,
    /// GOARCH, e.g. `amd64`.
    pub architecture: String,
    /// e.g. `v7` of `linux/arm/v7`.
    pub variant: Option<String>,
}

/// Why a text is not a platform.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum PlatformError {
    /// The architecture is spelled as by `uname -m`, not as by Go.
    #[error("unknown architecture `{given}`")]
    UnameArchitecture {
        /// The architecture as it was written.
        given: String,
        /// The architecture in the spelling of Go and OCI.
        goarch: &'static str,
    },
    /// The architecture is unknown.
    #[error("unknown architecture `{0}`")]
    UnknownArchitecture(String),
    /// The operating system is unknown.
    #[error("unknown operating system `{0}`")]
    UnknownOs(String),
    /// The text is not of the form `OS/ARCHITECTURE[/VARIANT]`.
    #[error("`{0}` is not a platform")]
    Malformed(String),
}

impl PlatformError {
    /// Returns a suggestion what to write instead.
    #[must_use]
    pub fn help(&self) -> String {
        match self {
            Self::UnameArchitecture { goarch, .. } => format!("did you mean `linux/{goarch}`?"),
            Self::UnknownArchitecture(given) => match find_closest(given, ARCHITECTURES) {
                Some(known) => format!("did you mean `linux/{known}`?"),
                None => format!("known architectures: {}", ARCHITECTURES.join(", ")),
            },
            Self::UnknownOs(given) => match find_closest(given, OPERATING_SYSTEMS) {
                Some(known) => format!("did you mean `{known}`?"),
                None => {
                    "virtual machines' disks go under `linux`, whatever system they hold".into()
                }
            },
            Self::Malformed(_) => "write it as `linux/amd64`".into(),
        }
    }
}

/// GOARCH values of `go tool dist list` for systems that run containers.
const ARCHITECTURES: &[&str] = &[
    "386", "amd64", "arm", "arm64", "loong64", "mips", "mips64", "mips64le", "mipsle", "ppc64",
    "ppc64le", "riscv64", "s390x",
];

const OPERATING_SYSTEMS: &[&str] = &["linux", "windows", "freebsd", "darwin"];

/// `uname -m` and other common spellings, each with its GOARCH.
const OTHER_NAMES: &[(&str, &str)] = &[
    ("x86_64", "amd64"),
    ("x86-64", "amd64"),
    ("x64", "amd64"),
    ("i386", "386"),
    ("i686", "386"),
    ("x86", "386"),
    ("aarch64", "arm64"),
    ("armv8", "arm64"),
    ("armv7l", "arm"),
    ("armhf", "arm"),
    ("loongarch64", "loong64"),
    ("powerpc64le", "ppc64le"),
];

fn find_closest(given: &str, known: &[&'static str]) -> Option<&'static str> {
    let best = known.iter().min_by_key(|name| strsim::levenshtein(given, name))?;
    (strsim::levenshtein(given, best) <= 2).then_some(best)
}

impl Platform {
    /// Returns the platform in the fields of a config, or of `platform` in an index; none if the
    /// operating system or the architecture is missing, empty or not a string.
    pub(crate) fn from_fields(fields: &Value) -> Option<Self> {
        let text = |name: &str| {
            let text = fields.get(name).and_then(Value::as_str);
            text.filter(|text| !text.is_empty()).map(str::to_owned)
        };
        Some(Self {
            os: text("os")?,
            architecture: text("architecture")?,
            variant: text("variant"),
        })
    }

    /// Returns the platform with its architecture as Go spells it.
    pub(crate) fn with_go_architecture(self) -> Self {
        let known = OTHER_NAMES.iter().find(|(other, _)| *other == self.architecture);
        match known {
            Some((_, goarch)) => Self { architecture: (*goarch).to_owned(), ..self },
            None => self,
        }
    }

    /// Returns the platform of an entry that is no image.
    pub(crate) fn unknown() -> Self {
        Self { os: "unknown".into(), architecture: "unknown".into(), variant: None }
    }

    /// Returns whether the operating system is `unknown`, with which BuildKit marks an entry of an
    /// index as an attestation.
    pub(crate) fn is_unknown(&self) -> bool {
        self.os == "unknown"
    }

    /// Returns Linux on the architecture that this program was compiled for.
    pub fn host() -> Self {
        let name = std::env::consts::ARCH;
        let known = OTHER_NAMES.iter().find(|(alias, _)| *alias == name);
        let architecture = known.map_or(name, |(_, architecture)| *architecture).to_owned();
        Self::new("linux", &architecture, None)
    }

    /// Returns a platform in its normalized form: a variant that its architecture implies is left
    /// out, and that of `arm` is written (containerd/platforms `database.go`).
    pub fn new(os: &str, architecture: &str, variant: Option<&str>) -> Self {
        let variant = match (architecture, variant) {
            ("arm64", Some("8" | "v8")) | ("amd64", Some("v1")) => None,
            ("arm", None | Some("7")) => Some("v7".to_owned()),
            ("arm", Some(level @ ("5" | "6" | "8"))) => Some(format!("v{level}")),
            (_, variant) => variant.map(str::to_lowercase),
        };
        Self { os: os.to_owned(), architecture: architecture.to_owned(), variant }
    }
}

impl FromStr for Platform {
    type Err = PlatformError;

    /// Parses `OS/ARCHITECTURE[/VARIANT]`; an architecture alone means Linux. The result is
    /// normalized, see [`Platform::new`].
    fn from_str(text: &str) -> Result<Self, PlatformError> {
        let parts: Vec<&str> = text.split('/').collect();
        let (os, architecture, variant) = match parts[..] {
            [architecture] => ("linux", architecture, None),
            [os, architecture] => (os, architecture, None),
            [os, architecture, variant] => (os, architecture, Some(variant)),
            _ => return Err(PlatformError::Malformed(text.into())),
        };
        if parts.iter().any(|part| part.is_empty()) {
            return Err(PlatformError::Malformed(text.into()));
        }
        if let Some((_, goarch)) = OTHER_NAMES.iter().find(|(other, _)| *other == architecture) {
            return Err(PlatformError::UnameArchitecture { given: architecture.into(), goarch });
        }
        if !OPERATING_SYSTEMS.contains(&os) {
            return Err(PlatformError::UnknownOs(os.into()));
        }
        if !ARCHITECTURES.contains(&architecture) {
            return Err(PlatformError::UnknownArchitecture(architecture.into()));
        }
        if variant.is_some_and(|v| !v.chars().all(|c| c.is_ascii_alphanumeric() || c == '.')) {
            return Err(PlatformError::Malformed(text.into()));
        }
        Ok(Self::new(os, architecture, variant))
    }
}

impl fmt::Display for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.os, self.architecture)?;
        self.variant.iter().try_for_each(|variant| write!(f, "/{variant}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn platforms_parse_or_say_what_was_meant() {
        let check = |text: &str, expected: &str| {
            let found = match text.parse::<Platform>() {
                Ok(platform) => platform.to_string(),
                Err(error) => format!("{error}; {}", error.help()),
            };
            assert_eq!(found, expected, "{text}");
        };
        check("linux/amd64", "linux/amd64");
        check("amd64", "linux/amd64");
        check("linux/arm/v7", "linux/arm/v7");
        check("linux/arm", "linux/arm/v7");
        check("arm", "linux/arm/v7");
        check("linux/arm/7", "linux/arm/v7");
        check("linux/arm/6", "linux/arm/v6");
        check("linux/arm/v5", "linux/arm/v5");
        check("linux/arm64", "linux/arm64");
        check("linux/arm64/v8", "linux/arm64");
        check("linux/arm64/8", "linux/arm64");
        check("linux/arm64/v9", "linux/arm64/v9");
        check("linux/amd64/v1", "linux/amd64");
        check("linux/amd64/V3", "linux/amd64/v3");
        check("linux/riscv64", "linux/riscv64");
        check("x86_64", "unknown architecture `x86_64`; did you mean `linux/amd64`?");
        check("linux/aarch64", "unknown architecture `aarch64`; did you mean `linux/arm64`?");
        check("linux/amd46", "unknown architecture `amd46`; did you mean `linux/amd64`?");
        check("linx/amd64", "unknown operating system `linx`; did you mean `linux`?");
        check("linux/", "`linux/` is not a platform; write it as `linux/amd64`");
        check("a/b/c/d", "`a/b/c/d` is not a platform; write it as `linux/amd64`");
    }
}

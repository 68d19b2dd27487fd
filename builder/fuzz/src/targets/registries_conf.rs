//! Reads any text as a registries.conf, and resolves an image with it. It must not panic, what it
//! says must point into the text, and pushes must go where they were meant to go.

use std::sync::Arc;

use diskette_builder::oci::image::reference::Reference;
use diskette_builder::recipe::diagnostic::SourceText;
use diskette_builder::registry::settings::{RegistryPurpose, RegistryResolution, RegistrySettings};

use super::valid_text;

/// Runs the target.
pub fn run(bytes: &[u8]) {
    let text = valid_text(bytes);
    let source = Arc::new(SourceText { name: "registries.conf".into(), text: text.into() });
    let problems = match RegistrySettings::parse(&[source]) {
        Ok(config) => {
            let image: Reference = "a.quay.io/me/fedora:42".parse().expect("a reference");
            if let Ok(RegistryResolution::Open(endpoints)) =
                config.resolve(&image, RegistryPurpose::Write)
            {
                assert!(endpoints.len() == 1 && endpoints[0].image == image);
            }
            match config.resolve(&image, RegistryPurpose::Read) {
                Ok(RegistryResolution::Open(endpoints)) => assert!(!endpoints.is_empty()),
                Ok(RegistryResolution::Blocked { prefix, .. }) => assert!(!prefix.is_empty()),
                Err(problem) => assert!(problem.span.is_some() && !problem.help.is_empty()),
            }
            return;
        }
        Err(problems) => problems,
    };
    assert!(!problems.is_empty());
    for problem in problems {
        assert!(!problem.message.is_empty() && !problem.help.is_empty());
        let span = problem.span.as_ref();
        assert!(span.is_none_or(|span| text.get(span.range.clone()).is_some()));
    }
}

//! The **judge** compares the outcome of a build with the result that the case expects.
//!
//! The name of a difference is `build` (success instead of an error, or an error instead of success),
//! `image` (an image that cannot be read), `crash`, `config.FIELD`, or a path with `missing`, `extra`,
//! `type`, `mode`, `owner`, `content`, `target` or `names` (of hard links). A case accepts differences of
//! buildah by these names.

use super::builder::{Outcome, Version};
use super::built::BuiltImage;
use super::case::{Case, ExpectedResult, ImageChange};

/// Name and description of a difference.
pub type Difference = (String, String);

/// Returns all differences from the expected result; `base` is the image that it is compared with.
pub fn differences(
    case: &Case,
    base: &BuiltImage,
    outcome: &Outcome,
) -> Result<Vec<Difference>, String> {
    let one = |what: &str, how: String| Ok(vec![(what.to_owned(), how)]);
    match (outcome, &case.expected) {
        (Outcome::Unreadable(why), _) => one("image", why.clone()),
        (Outcome::Crashed(why), _) => one("crash", why.clone()),
        (Outcome::Built(_), ExpectedResult::Failure(_)) => {
            one("build", "it should have failed".into())
        }
        (Outcome::Refused(why), ExpectedResult::Image(_)) => one("build", why.trim().to_owned()),
        (Outcome::Refused(why), ExpectedResult::Failure(parts)) => {
            let missing = parts.iter().filter(|part| !why.contains(*part));
            let missing =
                missing.map(|part| ("message".to_owned(), format!("no {part:?} in: {why}")));
            Ok(missing.collect())
        }
        (Outcome::Built(_), ExpectedResult::Image(None)) => {
            one("image", "nothing is recorded".into())
        }
        (Outcome::Built(built), ExpectedResult::Image(Some(change))) => {
            Ok(built.differences(&changed(base, change)?))
        }
    }
}

/// Returns what is wrong with buildah's outcome: differences that are not accepted, and accepted ones
/// that do not occur. Its error messages are not compared.
pub fn peer_differences(
    case: &Case,
    base: &BuiltImage,
    outcome: &Outcome,
    version: Version,
) -> Result<Vec<Difference>, String> {
    let mut all = differences(case, base, outcome)?;
    all.retain(|(what, _)| what != "message");
    for (what, reason) in &case.accepted {
        let before = all.len();
        all.retain(|(other, _)| other != what);
        if all.len() == before && version == Version::Recorded {
            all.push((what.clone(), format!("no longer differs ({reason})")));
        }
    }
    Ok(all)
}

/// Applies a change to a base.
pub fn changed(base: &BuiltImage, change: &ImageChange) -> Result<BuiltImage, String> {
    let mut built = base.clone();
    built.tree.apply(&change.entries)?;
    built.config.apply(&change.fields)?;
    Ok(built)
}

#[cfg(test)]
mod tests {
    use super::super::base::scratch;
    use super::*;

    const IMAGE: &str =
        "--- Dockerfile\nFROM scratch\n--- tree\nfile 600 1:2 a = x\n--- config\nUser \"u\"\n";

    fn case(head: &str) -> Case {
        Case::parse_all(&format!("=== a\n{head}")).unwrap().remove(0)
    }

    fn built(change: &str) -> Outcome {
        let ExpectedResult::Image(Some(change)) = case(change).expected else { panic!("{change}") };
        Outcome::Built(changed(&scratch(), &change).unwrap())
    }

    fn describe(differences: Result<Vec<Difference>, String>) -> Vec<String> {
        differences.unwrap().iter().map(|(what, how)| format!("{what}: {how}")).collect()
    }

    #[test]
    fn differences_are_found() {
        let check = |head: &str, outcome: Outcome, expected: &[&str]| {
            assert_eq!(describe(differences(&case(head), &scratch(), &outcome)), expected);
        };
        let (refused, fails) =
            (|| Outcome::Refused("no such thing\n".into()), "fails: such\n--- Dockerfile\n");
        check(IMAGE, built(IMAGE), &[]);
        check(fails, refused(), &[]);
        check(IMAGE, refused(), &["build: no such thing"]);
        check(IMAGE, Outcome::Unreadable("odd".into()), &["image: odd"]);
        check(fails, Outcome::Unreadable("odd".into()), &["image: odd"]);
        check(fails, Outcome::Crashed("such".into()), &["crash: such"]);
        check(fails, built(IMAGE), &["build: it should have failed"]);
        check("--- Dockerfile\n", built(IMAGE), &["image: nothing is recorded"]);
        let both = "fails: such\nfails: other\n--- Dockerfile\n";
        check(both, refused(), &["message: no \"other\" in: no such thing\n"]);
        let other = IMAGE.replace("600 1:2", "644 1:3").replace("\"u\"", "\"v\"");
        check(
            IMAGE,
            built(&other),
            &[
                "/a mode: 0644, expected 0600",
                "/a owner: (1, 3), expected (1, 2)",
                "config.User: \"v\", expected \"u\"",
            ],
        );
    }

    #[test]
    fn the_peer_may_differ_where_the_case_says_so() {
        let accepting = |what: &str| format!("accept: {what} | so it is\n{IMAGE}");
        let check = |head: &str, outcome: Outcome, version, expected: &[&str]| {
            assert_eq!(
                describe(peer_differences(&case(head), &scratch(), &outcome, version)),
                expected
            );
        };
        let other = IMAGE.replace("600", "644");
        let mode = "/a mode: 0644, expected 0600";
        check(IMAGE, built(&other), Version::Recorded, &[mode]);
        check(IMAGE, built(&other), Version::Other, &[mode]);
        check(&accepting("/a mode"), built(&other), Version::Recorded, &[]);
        check(&accepting("/a mode"), built(IMAGE), Version::Other, &[]);
        let better = "/a mode: no longer differs (so it is)";
        check(&accepting("/a mode"), built(IMAGE), Version::Recorded, &[better]);
        check(&accepting("build"), Outcome::Refused("no".into()), Version::Recorded, &[]);
        let fails = "fails: x\n--- Dockerfile\n";
        check(fails, Outcome::Refused("y".into()), Version::Recorded, &[]);
    }

    #[test]
    fn a_result_that_no_image_can_have_is_refused() {
        let head = IMAGE.replace("file 600 1:2 a = x", "file b\nhard a = c");
        let refused = differences(&case(&head), &scratch(), &built(IMAGE)).unwrap_err();
        assert_eq!(refused, "/a: a hard link to /c, which is not there");
    }
}

//! Which tags stay by the rules: newest, young, current and undated images.

use super::*;

#[test]
fn the_newest_and_the_young_stay() {
    let mut it = Repository::default();
    for (tag, created) in [("1", JANUARY), ("2", MARCH), ("3", MAY)] {
        let image = it.image(tag, created);
        it.tag(tag, image);
    }
    let newest = it.memory.names["3"];
    it.tag("latest", newest);
    check(&it, &keep(1), &["-1 image", "-2 image", "+3 the newest", "+latest the newest"]);
    check(
        &it,
        &keep(2),
        &[
            "-1 image",
            "+2 one of the newest 2",
            "+3 one of the newest 2",
            "+latest one of the newest 2",
        ],
    );
    check(
        &it,
        &keep(9),
        &[
            "+1 one of the newest 9",
            "+2 one of the newest 9",
            "+3 one of the newest 9",
            "+latest one of the newest 9",
        ],
    );
    let days = |days: u64| RetentionRules {
        within: Some(Duration::from_secs(days * 86_400)),
        ..RetentionRules::default()
    };
    check(&it, &days(12), &["-1 image", "-2 image", "+3 recent", "+latest recent"]);
    // The newest is not deleted, except if that is said.
    check(&it, &days(11), &["-1 image", "-2 image", "+3 the newest", "+latest the newest"]);
    let none = |rules| RetentionRules { newest: Some(0), ..rules };
    check(&it, &none(days(11)), &["-1 image", "-2 image", "-3,latest image"]);
    check(&it, &none(days(12)), &["-1 image", "-2 image", "+3 recent", "+latest recent"]);
    check(
        &it,
        &RetentionRules { within: days(100).within, ..keep(1) },
        &["-1 image", "+2 recent", "+3 recent", "+latest recent"],
    );
    // A tag of an image that stays is deleted alone.
    let named =
        RetentionRules { keep_tags: vec![Regex::new("^latest$|^1$").unwrap()], ..none(days(1)) };
    check(&it, &named, &["-2 image", "-3 tag", "+1 its name is kept", "+latest its name is kept"]);
    let selected =
        RetentionRules { only_tags: Some(vec![whole_tag(r"\d").unwrap()]), ..none(days(1)) };
    check(&it, &selected, &["-1 image", "-2 image", "-3 tag", "+latest not selected"]);
}

#[test]
fn all_tags_of_a_current_image_stay() {
    let mut it = Repository::default();
    for tag in ["9.1-20240101", "9.0-20260520"] {
        let image = it.image(tag, FIXED);
        it.tag(tag, image);
    }
    let current = it.memory.names["9.1-20240101"];
    let days = RetentionRules {
        within: Some(Duration::from_secs(86_400)),
        newest: Some(0),
        ..RetentionRules::default()
    };
    check(&it, &days, &["-9.1-20240101 image", "-9.0-20260520 image"]);
    let rules = RetentionRules { current: [current].into(), ..days.clone() };
    let expected = ["-9.0-20260520 image", "+9.1-20240101 the current image"];
    check(&it, &rules, &expected);
    // A tag that follows the releases names it.
    it.tag("9", current);
    let tags = ["9".parse().unwrap()].into();
    let expected =
        ["-9.0-20260520 image", "+9 the current image", "+9.1-20240101 the current image"];
    check(&it, &RetentionRules { current_tags: tags, ..days }, &expected);
}

#[test]
fn images_of_different_repositories_are_not_compared() {
    let mut it = Repository::default();
    let (old, new) = (it.image("old", JANUARY), it.image("new", MAY));
    it.tag("q.io/b/a:v1", old);
    it.tag("q.io/c/a:v1", new);
    it.tag("q.io/c/a:v0", old);
    it.tag("v0", old);
    check(
        &it,
        &keep(1),
        &[
            "-q.io/c/a:v0 tag",
            "+q.io/b/a:v1 the newest",
            "+q.io/c/a:v1 the newest",
            "+v0 the newest",
        ],
    );
    let old = RetentionRules { within: Some(Duration::ZERO), ..RetentionRules::default() };
    assert_eq!(it.plan(&old), it.plan(&keep(1)));
}

#[test]
fn a_doubtful_date_is_none() {
    let mut it = Repository::default();
    let tags = ["build-1709251159", "9-2605201200", "9-2604201200", "run-2604301200", "b-20481231"];
    for tag in tags {
        let image = it.image(tag, FIXED);
        it.tag(tag, image);
    }
    let undated = |tag: &str| format!("+{tag} no date");
    let mut expected = tags.map(undated);
    expected.sort_unstable();
    assert_eq!(it.plan(&keep(1)).lines().collect::<Vec<_>>(), expected);
    let timestamp_tags = vec![whole_tag(r"9-\d{10}").unwrap()];
    check(
        &it,
        &RetentionRules { timestamp_tags, ..keep(1) },
        &[
            "-9-2604201200 image",
            "+9-2605201200 the newest",
            "+b-20481231 no date",
            "+build-1709251159 no date",
            "+run-2604301200 no date",
        ],
    );
}

#[test]
fn images_without_a_date_stay() {
    let mut it = Repository::default();
    for tag in ["a-20260101", "a-20260301", "b-202605201200", "latest", "v1"] {
        let image = it.image(tag, FIXED);
        it.tag(tag, image);
    }
    // They do not count either.
    check(
        &it,
        &keep(1),
        &[
            "-a-20260101 image",
            "-a-20260301 image",
            "+b-202605201200 the newest",
            "+latest no date",
            "+v1 no date",
        ],
    );
    // A tag of the same image with a date gives it one.
    let first = it.memory.names["a-20260101"];
    it.tag("v1", first);
    check(
        &it,
        &keep(2),
        &[
            "-a-20260101,v1 image",
            "+a-20260301 one of the newest 2",
            "+b-202605201200 one of the newest 2",
            "+latest no date",
        ],
    );
    // Images of the same time cannot be told apart: all stay.
    let mut it = Repository::default();
    for tag in ["1", "2", "3"] {
        let image = it.image(tag, MAY);
        it.tag(tag, image);
    }
    check(&it, &keep(1), &["+1 the newest", "+2 the newest", "+3 the newest"]);
}

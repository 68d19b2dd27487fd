//! Tests of compound commands, substitutions and the settings of a shell.

use super::contents::check_contents;
use super::{check, refused};

#[test]
fn conditions() {
    check("if true; then mkdir a; else mkdir b; fi", "a/ 755");
    check("if false; then mkdir a; else mkdir b; fi", "b/ 755");
    check("if false; then mkdir a; elif true; then mkdir b; else mkdir c; fi", "b/ 755");
    check("if false\nthen mkdir a\nfi\nmkdir b", "b/ 755");
    check("if [ -d data ] && [ ! -e none ]; then mkdir a; fi", "a/ 755");
    check("if ! [ -f file ]; then mkdir a; fi", "");
    check("! true || mkdir a", "a/ 755");
    check("! true", "the command behind `!` succeeds [true]");
    check("test -L link && test -x data && test -s file && test a = a && mkdir a", "a/ 755");
    check("[ 3 -gt 2 ] && [ -z '' ] && [ -n x ] && [ a != b ] && mkdir a", "a/ 755");
    check("[ a = b ]", "`[` fails [[ a = b ]]");
    check("[ a", "`[` fails: missing ] [[ a]");
}

#[test]
fn loops_and_choices() {
    check(
        "for i in a 'b c' $LIST; do mkdir \"$i\"; done || true",
        "a/ 755, b/ 755, b c/ 755, c/ 755",
    );
    check("for f in data/*.txt; do chmod 600 $f; done", "data/b.txt 600");
    check("for i in $EMPTY; do false; done", "");
    check("for i in a b\ndo\nmkdir $i\ndone", "a/ 755, b/ 755");
    check("case abc in a*) mkdir a;; *) mkdir b;; esac", "a/ 755");
    check("case abc in (x|ab?) mkdir a;; esac", "a/ 755");
    check("case abc in x) mkdir a;; *) mkdir b; esac", "b/ 755");
    check("case $DIR in '*') mkdir a;; /opt/*) mkdir b;; esac", "b/ 755");
    check("case abc in x) false;; esac", "");
    check("case abc in\na)\n;;\nabc)\nmkdir a\n;;\nesac", "a/ 755");
}

#[test]
fn loops_with_conditions() {
    check("while [ ! -d a ]; do mkdir a; done", "a/ 755");
    check("until [ -d a ]; do mkdir a; done; mkdir b", "a/ 755, b/ 755");
    check("printf 'a\\nb\\n' | while read x; do mkdir $x; done", "a/ 755, b/ 755");
    check("while true; do mkdir a; break; done", "a/ 755");
    check("for i in a b c; do [ $i = b ] && continue; mkdir $i; done", "a/ 755, c/ 755");
    check("read x < file; mkdir $x", "abc/ 755");
    check("while :; do :; done", "this loop does not end, or not soon [:]");
    let not = |what: &str| format!("{what} is not understood");
    refused("read -n 1 x", &not("`read` without names of variables"), "read -n 1 x");
    refused("break 0", &not("this number of loops"), "break 0");
    refused(
        "printf '\\134\\n' | read x",
        &not("a backslash in a line, without `read -r`,"),
        "read x",
    );
    refused("printf '\\0\\n' | read -r x", &not("`read` of what is no text"), "read -r x");
    refused(
        "curl -so x https://e/x; read x < x",
        &not("`read` of what is not known before the build"),
        "read x",
    );
    refused("A=b read x", &not("a value in front of `read`"), "A=b read x");
    check("while true; do :", "`done` is missing [o]");
}

#[test]
fn groups_and_subshells() {
    check("{ mkdir a; mkdir b; } && mkdir c", "a/ 755, b/ 755, c/ 755");
    check("(cd data && mkdir d); mkdir b", "b/ 755, data/d/ 755");
    check("(x=1; umask 077; exit 0); mkdir a$x", "a/ 755");
    check("(exit 3)", "the script ends with `exit 3` [exit 3]");
    check("mkdir a; exit 0; mkdir b", "a/ 755");
    check("x=a | true; mkdir ${x-b}", "b/ 755");
    check("export x=a y; mkdir $x; unset x; mkdir ${x-b}", "a/ 755, b/ 755");
    check("DEBIAN_FRONTEND=none mkdir a", "a/ 755");
}

#[test]
fn failures_end_a_script_as_in_a_shell() {
    check("set -e; if false; then true; fi; mkdir a", "a/ 755");
    check("set -e; { false; mkdir a; } || mkdir b", "a/ 755");
    check("set -e; if true; then false; fi; mkdir a", "`false` fails [false]");
    check("set -e; (false); mkdir a", "`false` fails [false]");
    check("set -e; ! true; mkdir a", "a/ 755");
    check("set -e; for i in 1; do false; done; mkdir a", "`false` fails [false]");
    check("set -e; x=$(false); mkdir a", "`false` fails [false]");
    check("set -e; false | true; mkdir a", "a/ 755");
    check("set -eo pipefail; false | true; mkdir a", "`false` fails [false]");
    check("false | true", "");
    check("true | false", "`false` fails [false]");
}

#[test]
fn outputs_become_words() {
    check("mkdir $(echo a b)", "a/ 755, b/ 755");
    check("mkdir \"$(echo a b)\"", "a b/ 755");
    check("mkdir `echo a`", "a/ 755");
    check("x=$(printf 'a\\n\\n'); mkdir x$x", "xa/ 755");
    check("mkdir $(echo $(echo \"a)\"))", "a)/ 755");
    check("mkdir \"$(echo \"a $(echo \"b\")\")\"", "a b/ 755");
    check("mkdir ${NONE:-$(echo a)} ${DIR:+$(basename $DIR)}", "a/ 755, x/ 755");
    check("touch x; mkdir ${PWD:-$(rm x)}a", "a/ 755, x 644");
    check("x=$(cd data; pwd); mkdir $x/new", "data/new/ 755");
    check("x=$(false) || mkdir a", "a/ 755");
    check("mkdir a$(false)", "a/ 755");
}

#[test]
fn documents_are_read() {
    check_contents("cat > x <<EOF\na $PWD\nEOF\necho b > y", "x=\"a /\\n\", y=\"b\\n\"");
    check_contents("cat <<'EOF' > x\na $PWD `id`\nEOF\n", "x=\"a $PWD `id`\\n\"");
    check_contents("cat <<-EOF > x && echo b > y\n\ta\n\tEOF", "x=\"a\\n\", y=\"b\\n\"");
    check_contents("cat <<A > x; cat <<B > y\na\nA\nb\nB\n", "x=\"a\\n\", y=\"b\\n\"");
    check_contents(
        "if true; then\ncat <<A > x\n\\$a \"$(echo b)\"\nA\nfi",
        "x=\"$a \\\"b\\\"\\n\"",
    );
}

#[test]
fn problems_in_documents_are_told_at_their_ends() {
    let not = "RUN is evaluated, not executed;";
    check(
        "cat <<E\n\n\n\n$(id)\nE",
        &format!("{not} `id` is not among the commands that are evaluated [<<E]"),
    );
    check("cat <<E\n\n${DIR/a/b}\nE", &format!("{not} this substitution is not understood [<<E]"));
}

#[test]
fn new_files_get_what_the_umask_leaves() {
    check(
        "umask 077; mkdir a; touch b; cp -r data/sub c",
        "a/ 700, b 600, c/ 700, c/back->../a, c/x 600",
    );
    check("umask 002; mkdir a; echo x > b", "a/ 775, b 664");
    check("umask u=rwx,g=rx,o=; mkdir a", "a/ 750");
    check("umask 027; chmod +w file", "");
}

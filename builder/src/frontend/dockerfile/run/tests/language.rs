//! Tests of reading scripts.

use super::super::RunLine;
use super::{check, check_me, outcome, refused};

#[test]
fn commands_are_joined() {
    check("mkdir a && mkdir b", "a/ 755, b/ 755");
    check("mkdir a; mkdir b;", "a/ 755, b/ 755");
    check("mkdir a\nmkdir b\n", "a/ 755, b/ 755");
    check("mkdir a &&\n\n mkdir b", "a/ 755, b/ 755");
    check("mkdir a \\\n b", "a/ 755, b/ 755");
    check("mkdir a # && mkdir b", "a/ 755");
    check("# nothing\n\n", "");
    check("mkdir a#b", "a#b/ 755");
    check("false || mkdir a", "a/ 755");
    check("true || mkdir a", "");
    check("false && mkdir a || mkdir b", "b/ 755");
    check("true && false || mkdir b && mkdir c", "b/ 755, c/ 755");
    check("mkdir data; true", "");
    check("false; mkdir a", "a/ 755");
    check(":", "");
    check("$EMPTY", "");
    check("$EMPTY mkdir a", "a/ 755");
    check("true && false", "`false` fails [false]");
    check(
        "mkdir a && mkdir data && mkdir b",
        "`mkdir` fails: cannot create directory 'data': File exists [mkdir data]",
    );
    check("set -e; false; true", "`false` fails [false]");
    check("set -eux; mkdir a; false || true; mkdir b", "a/ 755, b/ 755");
    check("set -e; false && true; mkdir a", "a/ 755");
    check("set -e; true && false; mkdir a", "`false` fails [false]");
    check("set -e; set +e; false; true", "");
    check("set -o errexit -o pipefail; false; true", "`false` fails [false]");
    check("set", "");
    check("set -u; mkdir $NONE", "NONE: parameter not set [$NONE]");
    check("set -u; mkdir ${NONE-a}${NONE+x}", "a/ 755");
    check("set -f; touch data/*.txt", "data/*.txt 644");
    check("&& true", "a command is missing [&]");
    check("true &&", "a command is missing []");
    check("true ;; true", "a command is missing [;]");
    check("; true", "a command is missing [;]");
    check("true\n&& true", "a command is missing [&]");
}

#[test]
fn words_are_expanded() {
    check("mkdir -p $DIR", "opt/ 755, opt/x/ 755");
    check("mkdir -p ${DIR}y \"$DIR/z\"", "opt/ 755, opt/x/ 755, opt/x/z/ 755, opt/xy/ 755");
    check("mkdir '$DIR' \\$x", "$DIR/ 755, $x/ 755");
    check("mkdir $LIST", "a/ 755, b/ 755, c/ 755");
    check("mkdir \"$LIST\"", "a  b\tc/ 755");
    check("mkdir x$LIST", "b/ 755, c/ 755, xa/ 755");
    check("mkdir ${NONE:-a b}", "a/ 755, b/ 755");
    check("mkdir ${NONE:-'a b'}", "a b/ 755");
    check("mkdir \"${NONE:-a b}\"", "a b/ 755");
    check("mkdir \"${NONE:-'a'}\"", "'a'/ 755");
    check("mkdir \"${NONE:-\\}}\"", "}/ 755");
    check("mkdir ${EMPTY:-a} x${EMPTY-b}", "a/ 755, x/ 755");
    check("mkdir ${DIR:+a} ${NONE+b} ${EMPTY+c} ${EMPTY:+d}", "a/ 755, c/ 755");
    check("mkdir ${NONE:-${EMPTY:-${DIR##*/}}}", "x/ 755");
    check(
        "mkdir ${DIR:?must be set}x ",
        "`mkdir` fails: cannot create directory '/opt/xx': No such file or directory [mkdir ${DIR:?must be set}x]",
    );
    check("mkdir ${NONE?must be set}", "NONE: must be set [${NONE?must be set}]");
    check("mkdir ${EMPTY:?}", "EMPTY: parameter not set [${EMPTY:?}]");
    check(
        "f=a.tar.gz; mkdir ${f%.*} ${f%%.*}x ${f#*.} ${f##*.}",
        "a.tar/ 755, ax/ 755, gz/ 755, tar.gz/ 755",
    );
    check("f=aXb; mkdir \"${f#'a'}\" ${f%[!a-z]b}", "Xb/ 755, a/ 755");
    check("f='a*b'; p='a*'; mkdir ${f#\"$p\"} ${f##$p}x", "b/ 755, x/ 755");
    check("f=ab; mkdir ${f%c} ${f#x}y", "ab/ 755, aby/ 755");
    check("mkdir a$ \"b$\" $/", "$/ 755, a$/ 755, b$/ 755");
    check("mkdir \"\\a\\$b\"", "\\a$b/ 755");
    check("mkdir 'it'\\''s'", "it's/ 755");
    check("mkdir $PWD/a ${PWD}b", "a/ 755, b/ 755");
    check("d=new; mkdir $d && touch \"$d/x\"", "new/ 755, new/x 644");
    check("a=1 b=$a; mkdir $b", "1/ 755");
    check("d='a b'; e=$d; mkdir $e", "a/ 755, b/ 755");
    check("DIR=x; mkdir $DIR", "x/ 755");
    check("mkdir \\", "\\/ 755");
    check("mkdir a\\\nb", "ab/ 755");
}

#[test]
fn patterns_become_paths() {
    check("chmod 777 data/*.txt", "data/b.txt 777, data/c.txt 777");
    check("chmod 777 $STAR", "data/b.txt 777, data/c.txt 777");
    check("chmod 777 \"$STAR\" || true", "");
    check("chmod 777 data/[ab]*", "data/a 777, data/b.txt 777");
    check("chmod 777 data/[!ab]*", "data/c.txt 777, data/sub/ 777");
    check("chmod 777 data/?.txt", "data/b.txt 777, data/c.txt 777");
    check("chmod 777 data/.h*", "data/.hidden 777");
    check("chmod 711 data/*/", "data/sub/ 711");
    check("chmod 777 */a", "data/a 777");
    check("touch *.none", "*.none 644");
    check("touch '*'.none \\*", "* 644, *.none 644");
    check("touch data/'*'.txt", "data/*.txt 644");
    check("chmod 600 /dat*/a", "data/a 600");
    check("ln -s data/?.txt empty", "empty/b.txt->data/b.txt, empty/c.txt->data/c.txt");
    check("mkdir [", "[/ 755");
    check_me("chmod 777 /private/* || true", "");
}

#[test]
fn what_only_a_shell_understands_is_refused() {
    let not = |what: &str| format!("{what} is not understood");
    let unknown = |name: &str| format!("`{name}` is not among the commands that are evaluated");
    refused("/sbin/mkdir x", &unknown("/sbin/mkdir"), "/sbin/mkdir x");
    refused("/bin/:", &unknown("/bin/:"), "/bin/:");
    refused("select i in a; do false; done", &not("`select`"), "select");
    refused("[[ a = b ]]", &not("`[[`"), "[[");
    refused("for x; do true; done", &not("`for` without a variable and `in`"), "for x");
    refused("true & true", &not("a command in the background"), "&");
    refused("true <& 3", &not("this redirection"), "<&");
    refused("true >&é", &not("this redirection"), ">&é");
    refused("true <<< x", &not("this redirection"), "<<");
    refused("true 2> x", &not("a file with the messages of a command"), "x");
    refused("mkdir -v a > x", &not("the output of `mkdir`"), "mkdir -v a");
    refused("x=$(ls)", &not("the output of `ls`"), "ls");
    refused("true >&3", &not("this redirection"), ">&3");
    refused("true)", &not("a parenthesis"), ")");
    refused("f() true", &not("a parenthesis"), "(");
    refused("mkdir $(id)", &unknown("id"), "id");
    refused("mkdir \"a$(id -u)\"", &unknown("id"), "id -u");
    refused("mkdir `id`", &unknown("id"), "id");
    refused("mkdir `echo \\\\`", &not("a backslash between backquotes"), "`echo \\\\`");
    refused("mkdir $((1+1))", &not("arithmetic"), "$((");
    refused("((1+1))", &not("arithmetic"), "((");
    refused("mkdir $1", &not("the parameter `$1`"), "$1");
    refused("mkdir \"$@\"", &not("the parameter `$@`"), "$@");
    refused("mkdir $?", &not("the parameter `$?`"), "$?");
    refused("mkdir $'a'", &not("`$'`"), "$'");
    refused("mkdir $\"a\"", &not("`$\"`"), "$\"");
    refused("mkdir ${#DIR}", &not("this substitution"), "${");
    refused("mkdir ${DIR:=x}", &not("this substitution"), "${DIR:=");
    refused("mkdir ${DIR/a/b}", &not("this substitution"), "${DIR/");
    refused("mkdir \"${DIR:-\"a\"}\"", &not("a quote inside of a quoted `${…}`"), "\"");
    refused("mkdir $HOME", &not("`$HOME`"), "$HOME");
    refused("mkdir ${UID:-0}", &not("`$UID`"), "${UID:-0}");
    refused("mkdir ~/x", &not("`~`"), "~/x");
    refused("x=~", &not("`~`"), "x=~");
    refused("mkdir ${NONE:-~}", &not("`~`"), "~");
    refused("mkdir {a,b}", &not("a list in braces"), "{a,b}");
    refused("mkdir a{1..3}", &not("a list in braces"), "a{1..3}");
    refused("x=*", &not("a pattern in a value"), "x=*");
    refused("IFS=:", &not("a value for `IFS`"), "IFS=:");
}

#[test]
fn builtins_are_refused_where_shells_differ() {
    let not = |what: &str| format!("{what} is not understood");
    refused("cd", &not("`cd` without a directory"), "cd");
    refused("cd -", &not("`cd -`"), "cd -");
    refused("x=1 cd data", &not("a value in front of `cd`"), "x=1 cd data");
    refused("umask", &not("`umask` without a mask"), "umask");
    refused("umask 1000", &not("`umask 1000`"), "umask 1000");
    refused("exit", &not("`exit` without a number"), "exit");
    refused("export 1=2", &not("`export 1=2`"), "export 1=2");
    refused("unset -f x", &not("`unset -f`"), "unset -f x");
    refused("set -n", &not("`set -n`"), "set -n");
    refused("set -- a", &not("`set --`"), "set -- a");
    refused("rm .*", &not("a pattern that means `.` and `..` to some shells"), ".*");
    refused("rm [^a]*", &not("`[^`"), "[^a]*");
    refused("rm [[:alpha:]]", &not("a class of characters"), "[[:alpha:]]");
    check("mkdir 'a", "a quote is not closed [']");
    check("mkdir \"a", "a quote is not closed [\"]");
    check("mkdir ${a", "`${` is not closed by `}` [${]");
    check("f=é; mkdir ${f#?}", "a character would be cut apart [?]");
}

#[test]
fn scripts_that_are_not_complete() {
    check("mkdir $(a", "`$(` is not closed by `)` [$(]");
    check("mkdir `a", "a backquote is not closed [`]");
    check("{ true", "`}` is missing [{]");
    check("( true", "`)` is missing [(]");
    check("if true; then true", "`fi` is missing [n]");
    check("if true; fi", "`fi` does not belong here [fi]");
    check("then true", "`then` does not belong here [then]");
    check("if ; then true; fi", "a command is missing [;]");
    check("for x in a; true; done", "`do` is missing [for]");
    check("case a in x) true", "`esac` is missing [)]");
    check("case a x) true", "`in` is missing [case]");
    check("cat <<A\nb\n", "the line `A` is missing [<<A]");
    check("true && ;", "a command is missing [;]");
}

#[test]
fn what_would_never_end_is_refused() {
    let nested = format!("mkdir {}a{}", "${x:-".repeat(30), "}".repeat(30));
    assert!(outcome(RunLine::Shell(&nested), "root", "").starts_with("substitutions are nested"));
    let doubled = format!("a=xxxxxxxx{}; mkdir $a", "; a=$a$a".repeat(30));
    assert!(outcome(RunLine::Shell(&doubled), "root", "").starts_with("the value is longer"));
    let text = format!("a={}{}", "x".repeat(100_000), "; b=$a".repeat(1000));
    assert!(outcome(RunLine::Shell(&text), "root", "").starts_with("this expands to too much"));
    let paths = format!("touch {}", "data/../*/".repeat(30));
    assert!(!outcome(RunLine::Shell(&paths), "root", "").is_empty());
    let paths = format!("touch {}", "*/../".repeat(30));
    assert!(outcome(RunLine::Shell(&paths), "root", "").starts_with("this expands to too much"));
}

/// Small scripts, each of which would take minutes or gigabytes.
#[test]
fn the_work_of_a_line_is_limited() {
    let words = "0 ".repeat(60);
    let heads =
        ["a", "b", "c", "d", "e"].map(|name| format!("for {name} in {words}; do ")).concat();
    let looped = |command: &str| format!("{heads}{command}; {}true", "done; ".repeat(5));
    let written = "cat <<E > x\n";
    let document = format!("{}\nE", "x".repeat(1000));
    for (script, error) in [
        (looped("case x in esac"), "this expands to too much"),
        (looped("{ (:); }"), "this expands to too much"),
        (
            format!(
                "for a in {words}; do for b in {words}; do {written}{document}\ndone; done; for a in {words}; do for b in {words}; do cat x x x x x x x x x x x x x x x x > y; done; done"
            ),
            "RUN is evaluated, not executed; this is more work",
        ),
        (
            format!("for a in {words}; do truncate -s 1M $a x; done"),
            "RUN is evaluated, not executed; this is more work",
        ),
        (
            format!("truncate -s 1M x; tee {} < x", "y ".repeat(50)),
            "RUN is evaluated, not executed; this is more work",
        ),
        (
            format!("mkdir -p {}", "a/".repeat(2040)),
            "RUN is evaluated, not executed; this is more work",
        ),
        (format!("test -e {}", "loop/../".repeat(500)), ""),
        (
            format!("a={}; printf \"$a%s\" {}", "x".repeat(100_000), "1 ".repeat(20)),
            "RUN is evaluated, not executed; `printf` is evaluated for short texts",
        ),
        (
            format!("for a in {words}; do mkdir {0} && cd {0}; done", "a".repeat(250)),
            "`mkdir` fails: cannot create directory",
        ),
    ] {
        let said = outcome(RunLine::Shell(&script), "root", "");
        assert!(said.starts_with(error) && !said.is_empty(), "{script}: {said}");
    }
}

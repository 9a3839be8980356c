//! Owns the reading of a program's own times from its sources: `grace`, `kill_after` and
//! `drain_notice` of a `Registry`.
//! Refuses to follow values: a time counts if it is a literal, or a constant of the same file.

use std::collections::HashMap;
use std::path::Path;
use std::time::Duration;

use syn::visit::{self, Visit};
use syn::{Expr, ExprCall, ExprMethodCall, ItemConst, Lit};

/// A run that the sources start.
#[derive(Debug)]
pub(super) struct Program {
    pub(super) path: String,
    pub(super) line: usize,
    /// The name of the registry, of the file, and of the folder of a package.
    pub(super) names: Vec<String>,
    notice: Duration,
    grace: Duration,
    kill_after: Duration,
}

/// homebound's defaults.
const GRACE: Duration = Duration::from_secs(5);
const KILL_AFTER: Duration = Duration::from_secs(2);
/// The time for the last words, and for the kernel's timer if the internal thread *watch* hangs.
const SPARE: Duration = Duration::from_secs(2);

impl Program {
    /// The longest time from SIGTERM to the end.
    pub(super) fn needs(&self) -> Duration {
        self.notice + self.grace + self.kill_after + SPARE
    }

    /// The sum, in words.
    pub(super) fn parts(&self) -> String {
        let notice = if self.notice.is_zero() {
            String::new()
        } else {
            format!("drain_notice {} s + ", self.notice.as_secs_f64())
        };
        let (grace, kill_after) = (self.grace.as_secs_f64(), self.kill_after.as_secs_f64());
        format!(
            "{notice}grace {grace} s + kill_after {kill_after} s + {} s for the last words",
            SPARE.as_secs()
        )
    }
}

/// Returns the programs in a file; none if the file cannot be parsed, which is a finding already.
pub(super) fn of(path: &str, text: &str) -> Vec<Program> {
    // Parsing takes long, and most files start no run.
    let may_run = text.contains("homebound") && (text.contains("Registry") || text.contains("run("));
    let Some(file) = may_run.then(|| syn::parse_file(text).ok()).flatten() else { return Vec::new() };
    let mut constants = Constants::default();
    constants.visit_file(&file);
    let mut runs = Runs { path, constants: constants.0, found: Vec::new() };
    runs.visit_file(&file);
    let found = runs.found;
    proc_macro2::extra::invalidate_current_thread_spans();
    found
}

/// The constants of a file that are times.
#[derive(Default)]
struct Constants(HashMap<String, Duration>);

impl<'ast> Visit<'ast> for Constants {
    fn visit_item_const(&mut self, item: &'ast ItemConst) {
        if let Some(time) = time(&item.expr, &HashMap::new()) {
            self.0.insert(item.ident.to_string(), time);
        }
    }
}

struct Runs<'a> {
    path: &'a str,
    constants: HashMap<String, Duration>,
    found: Vec<Program>,
}

impl<'ast> Visit<'ast> for Runs<'_> {
    fn visit_expr_method_call(&mut self, call: &'ast ExprMethodCall) {
        // The outermost call of a chain: the receivers are looked at here, and the arguments below.
        let mut program = self.program(call.method.span().start().line);
        let (mut inner, mut calls) = (&*call.receiver, vec![call]);
        while let Expr::MethodCall(call) = inner {
            calls.push(call);
            inner = &call.receiver;
        }
        match inner {
            Expr::Call(start) if ends_with(start, &["Registry", "new"]) => {
                program.line = line_of(start);
                program.names.extend(start.args.first().and_then(text_of));
                let set = calls.iter().all(|call| self.set(call, &mut program));
                self.found.extend(set.then_some(program));
            }
            other => self.visit_expr(other),
        }
        calls.iter().flat_map(|call| &call.args).for_each(|argument| self.visit_expr(argument));
    }

    fn visit_expr_call(&mut self, call: &'ast ExprCall) {
        let is_run = ends_with(call, &["homebound", "run"]) || ends_with(call, &["registry", "run"]);
        if is_run || ends_with(call, &["Registry", "new"]) {
            let program = self.program(line_of(call));
            self.found.push(program);
        }
        visit::visit_expr_call(self, call);
    }
}

impl Runs<'_> {
    fn program(&self, line: usize) -> Program {
        let path = Path::new(self.path);
        let stem = path.file_stem().and_then(|stem| stem.to_str()).filter(|stem| *stem != "main");
        // `worker/src/main.rs`: the package is called `worker`, as a rule.
        let folder = path.parent().filter(|folder| folder.ends_with("src")).and_then(Path::parent);
        let package = folder.and_then(|folder| folder.file_name()?.to_str());
        let names = stem.into_iter().chain(package).map(str::to_owned).collect();
        Program {
            path: self.path.to_owned(),
            line,
            names,
            notice: Duration::ZERO,
            grace: GRACE,
            kill_after: KILL_AFTER,
        }
    }

    /// Takes a setting over. False if its value is not known.
    fn set(&self, call: &ExprMethodCall, program: &mut Program) -> bool {
        let place = match call.method.to_string().as_str() {
            "grace" => &mut program.grace,
            "kill_after" => &mut program.kill_after,
            "drain_notice" => &mut program.notice,
            _ => return true,
        };
        match call.args.first().and_then(|argument| time(argument, &self.constants)) {
            Some(time) => {
                *place = time;
                true
            }
            None => false,
        }
    }
}

fn line_of(call: &ExprCall) -> usize {
    match &*call.func {
        Expr::Path(path) => path.path.segments.first().map_or(1, |part| part.ident.span().start().line),
        _ => 1,
    }
}

/// Whether the path of the called function ends so.
fn ends_with(call: &ExprCall, ending: &[&str]) -> bool {
    let Expr::Path(path) = &*call.func else { return false };
    let parts: Vec<_> = path.path.segments.iter().map(|part| part.ident.to_string()).collect();
    parts.len() >= ending.len() && parts[parts.len() - ending.len()..] == *ending
}

fn text_of(argument: &Expr) -> Option<String> {
    match argument {
        Expr::Lit(literal) => match &literal.lit {
            Lit::Str(text) => Some(text.value()),
            _ => None,
        },
        _ => None,
    }
}

/// `Duration::from_secs(20)`, `Duration::ZERO`, or the name of a constant.
fn time(value: &Expr, constants: &HashMap<String, Duration>) -> Option<Duration> {
    match value {
        Expr::Path(path) => {
            let name = path.path.segments.last()?.ident.to_string();
            if name == "ZERO" { Some(Duration::ZERO) } else { constants.get(&name).copied() }
        }
        Expr::Call(call) => {
            let Expr::Path(path) = &*call.func else { return None };
            let number = match call.args.first()? {
                Expr::Lit(literal) => match &literal.lit {
                    Lit::Int(number) => number.base10_parse::<u64>().ok()?,
                    _ => return None,
                },
                _ => return None,
            };
            match path.path.segments.last()?.ident.to_string().as_str() {
                "from_secs" => Some(Duration::from_secs(number)),
                "from_millis" => Some(Duration::from_millis(number)),
                _ => None,
            }
        }
        _ => None,
    }
}

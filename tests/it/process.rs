//! The real program as a process of its own: started on a directory, asked, ended.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::thread::JoinHandle;
use std::time::Duration;

use serde_json::Value;

/// A process that has not ended after so long never will. Nothing is measured by it.
const PATIENCE: Duration = Duration::from_secs(60);

/// Between two looks whether a process has ended.
const PAUSE: Duration = Duration::from_millis(5);

/// Whatever ports the machine has.
const FREE_PORTS: [&str; 4] = ["--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"];

/// A server that is ready. Killed when dropped.
pub(crate) struct Process {
    child: Child,
    out: BufReader<ChildStdout>,
    /// The ready line.
    pub(crate) ready: Value,
    data: PathBuf,
}

/// What a command that has ended left.
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

/// What a server answered over HTTP.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

/// The program, without anything of this process's environment.
fn program(directory: &Path, arguments: &[&str], environment: &[(&str, &str)]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_coffer"));
    command.current_dir(directory).args(arguments);
    command.env_clear().envs(environment.iter().copied());
    command
}

/// Runs a command to its end in `directory`.
pub(crate) fn run(directory: &Path, arguments: &[&str], environment: &[(&str, &str)]) -> Ran {
    let mut child = program(directory, arguments, environment)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // Read meanwhile: it may print more than a pipe holds.
    let out = text_of(child.stdout.take().unwrap());
    let err = text_of(child.stderr.take().unwrap());
    let status = ended(&mut child);
    Ran {
        code: status.code().expect("it was not killed"),
        out: out.join().unwrap(),
        err: err.join().unwrap(),
    }
}

/// All that comes out of a pipe.
fn text_of(mut pipe: impl Read + Send + 'static) -> JoinHandle<String> {
    std::thread::spawn(move || {
        let mut text = String::new();
        pipe.read_to_string(&mut text).unwrap();
        text
    })
}

/// Runs `coffer serve` on `{directory}/coffer-data` with free ports, where it does not start.
pub(crate) fn serve_in_vain(directory: &Path, environment: &[(&str, &str)]) -> Ran {
    run(
        directory,
        &[&["serve"], &FREE_PORTS[..]].concat(),
        environment,
    )
}

/// Looks until there is something to see. Where nothing comes, `what` was waited for in vain.
pub(crate) fn await_sight<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    for _ in 0..PATIENCE.as_millis() / PAUSE.as_millis() {
        if let Some(seen) = look() {
            return seen;
        }
        std::thread::sleep(PAUSE);
    }
    panic!("{what} never comes");
}

/// Waits for a process to end by itself. One that does not has failed, and is killed.
fn ended(child: &mut Child) -> ExitStatus {
    ended_within(child, PATIENCE).expect("the process does not end")
}

/// Waits for a process to end by itself; kills it and returns `None` where it does not.
pub(crate) fn ended_within(child: &mut Child, patience: Duration) -> Option<ExitStatus> {
    for _ in 0..patience.as_millis() / PAUSE.as_millis() {
        if let Some(status) = child.try_wait().unwrap() {
            return Some(status);
        }
        std::thread::sleep(PAUSE);
    }
    child.kill().unwrap();
    child.wait().unwrap();
    None
}

impl Ran {
    /// The answer of a command that did what was asked.
    pub(crate) fn json(&self) -> Value {
        assert_eq!(self.code, 0, "{}", self.err);
        serde_json::from_str(&self.out).unwrap()
    }

    /// The reason of a command that ended with `code`.
    pub(crate) fn failed(&self, code: i32) -> &str {
        assert_eq!(self.code, code, "{} {}", self.out, self.err);
        assert_eq!(self.out, "");
        &self.err
    }
}

impl Process {
    /// `coffer serve` on `{directory}/coffer-data`, with free ports.
    pub(crate) fn serve(directory: &Path) -> Process {
        Process::start(directory, &["serve"], &[])
    }

    /// Starts a serving command with free ports and waits for its ready line.
    pub(crate) fn start(
        directory: &Path,
        arguments: &[&str],
        environment: &[(&str, &str)],
    ) -> Process {
        Process::start_exactly(directory, &[arguments, &FREE_PORTS].concat(), environment)
    }

    /// Starts a serving command that says itself where to listen.
    pub(crate) fn start_exactly(
        directory: &Path,
        arguments: &[&str],
        environment: &[(&str, &str)],
    ) -> Process {
        Process::tried(directory, arguments, environment)
            .unwrap_or_else(|ran| panic!("no ready line but {:?}: {}", ran.out, ran.err))
    }

    /// As [`Process::start_exactly`]; what it left where it does not start.
    pub(crate) fn tried(
        directory: &Path,
        arguments: &[&str],
        environment: &[(&str, &str)],
    ) -> Result<Process, Ran> {
        let log = std::fs::File::create(directory.join("stderr")).unwrap();
        let mut child = program(directory, arguments, environment)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .unwrap();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        out.read_line(&mut line).unwrap();
        let Ok(ready) = serde_json::from_str::<Value>(&line) else {
            let code = ended(&mut child).code();
            return Err(Ran {
                code: code.expect("it was not killed"),
                out: line,
                err: std::fs::read_to_string(directory.join("stderr")).unwrap(),
            });
        };
        Ok(Process {
            data: directory.join(ready["data"].as_str().unwrap()),
            child,
            out,
            ready,
        })
    }

    /// Runs a client command against this server, with its key and `--json`.
    pub(crate) fn ask(&self, arguments: &[&str]) -> Ran {
        let data = self.data.to_str().unwrap();
        let ours = ["--json", "--admin", self.admin(), "--data", data];
        run(Path::new("/"), &[arguments, &ours].concat(), &[])
    }

    pub(crate) fn admin(&self) -> &str {
        self.ready["admin"].as_str().unwrap()
    }

    pub(crate) fn public(&self) -> &str {
        self.ready["public"].as_str().unwrap()
    }

    /// What the admin key file holds.
    pub(crate) fn key(&self) -> String {
        let text = std::fs::read_to_string(self.data.join("admin.key")).unwrap();
        text.trim().to_owned()
    }

    /// The process's number.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// The next line on standard output.
    pub(crate) fn line(&mut self) -> String {
        let mut line = String::new();
        self.out.read_line(&mut line).unwrap();
        line
    }

    /// Waits until it has ended by itself.
    pub(crate) fn ended(mut self) -> ExitStatus {
        ended(&mut self.child)
    }

    /// Sends a signal, such as `TERM` or `KILL`, and waits for the end.
    pub(crate) fn end(mut self, signal: &str) -> ExitStatus {
        let kill = format!("kill -{signal} {}", self.id());
        let sent = Command::new("sh").args(["-c", &kill]).status().unwrap();
        assert!(sent.success());
        ended(&mut self.child)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended by itself.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// One request to `url`, `http://HOST:PORT`, over a connection of its own.
pub(crate) fn http(url: &str, method: &str, path: &str, headers: &[&str], body: &str) -> Answer {
    let authority = url.strip_prefix("http://").unwrap();
    let mut lines = vec![format!("{method} {path} HTTP/1.1")];
    if !headers.iter().any(|header| header.starts_with("Host:")) {
        lines.push(format!("Host: {authority}"));
    }
    lines.extend(headers.iter().map(|&header| header.to_owned()));
    lines.push("Connection: close".to_owned());
    lines.push(format!("Content-Length: {}", body.len()));
    let request = format!("{}\r\n\r\n{body}", lines.join("\r\n"));
    let mut stream = TcpStream::connect(authority).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    Answer {
        status: head.split(' ').nth(1).unwrap().parse().unwrap(),
        head: head.to_ascii_lowercase(),
        body: body.to_owned(),
    }
}

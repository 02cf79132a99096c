//! A browser without a window, driven by its own protocol over a pair of pipes: what a person sees,
//! types and presses.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};

/// Where it may lie. Tests install nothing: `.ci/run` does.
const PROGRAMS: [&str; 3] = [
    "/usr/bin/chromium",
    "/usr/bin/chromium-browser",
    "/usr/bin/google-chrome",
];

/// A test that needs a browser for so long waits in vain. Nothing is measured by it.
const PATIENCE: Duration = Duration::from_secs(300);

/// What keeps it from asking the world, and lets the superuser start it.
const FLAGS: &str = "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run \
    --disable-background-networking --disable-component-update --disable-sync \
    --disable-dev-shm-usage --hide-scrollbars";

/// How a page is looked at.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Look {
    /// CSS pixels.
    pub(crate) width: u32,
    pub(crate) dark: bool,
    pub(crate) scripts: bool,
}

/// A phone and a desk, in light and dark.
pub(crate) const LOOKS: [Look; 4] = [
    Look::at(390, false),
    Look::at(390, true),
    Look::at(1280, false),
    Look::at(1280, true),
];

impl Look {
    const fn at(width: u32, dark: bool) -> Look {
        Look {
            width,
            dark,
            scripts: true,
        }
    }

    pub(crate) const fn without_scripts(self) -> Look {
        Look {
            scripts: false,
            ..self
        }
    }
}

impl std::fmt::Display for Look {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let scheme = if self.dark { "dark" } else { "light" };
        let scripts = if self.scripts { "" } else { " bare" };
        write!(f, "{} {scheme}{scripts}", self.width)
    }
}

/// A running browser with one tab.
pub(crate) struct Browser {
    child: Arc<Mutex<Child>>,
    sent: ChildStdin,
    read: BufReader<ChildStdout>,
    next: u64,
    tab: String,
    /// What the browser said by itself since the last look at it.
    events: Vec<Value>,
    _profile: tempfile::TempDir,
    /// Dropped with the browser: nobody needs to end it any more.
    _in_use: mpsc::Sender<()>,
}

impl Browser {
    /// Starts one. `None`, with a word about it, where none is installed; on a machine that checks
    /// changes that is a fault.
    pub(crate) fn start() -> Option<Browser> {
        let Some(program) = PROGRAMS.iter().find(|program| Path::new(program).exists()) else {
            let must = std::env::var("CI").is_ok_and(|ci| ci == "true");
            assert!(!must, "no chromium, and CI=true: .ci/run installs it");
            eprintln!("skipped: no chromium");
            return None;
        };
        let profile = tempfile::tempdir().unwrap();
        let run = format!(
            "exec {program} {FLAGS} --user-data-dir={} --remote-debugging-pipe about:blank \
             3<&0 4>&1 0</dev/null 1>&2",
            profile.path().display()
        );
        let mut child = Command::new("sh")
            .args(["-c", &run])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let (sent, read) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        let child = Arc::new(Mutex::new(child));
        let mut browser = Browser {
            sent,
            read: BufReader::new(read),
            _in_use: ended_after_patience(&child),
            child,
            next: 0,
            tab: String::new(),
            events: Vec::new(),
            _profile: profile,
        };
        let tab = browser.ask("Target.createTarget", json!({"url": "about:blank"}));
        let attach = json!({"targetId": tab["targetId"], "flatten": true});
        let attached = browser.ask("Target.attachToTarget", attach);
        browser.tab = attached["sessionId"].as_str().unwrap().to_owned();
        for domain in ["Page", "Runtime", "Log", "Network"] {
            browser.ask(&format!("{domain}.enable"), json!({}));
        }
        Some(browser)
    }

    fn ask(&mut self, method: &str, params: Value) -> Value {
        self.next += 1;
        let mut message = json!({"id": self.next, "method": method, "params": params});
        if !self.tab.is_empty() {
            message["sessionId"] = json!(self.tab);
        }
        self.sent.write_all(message.to_string().as_bytes()).unwrap();
        self.sent.write_all(b"\0").unwrap();
        loop {
            let mut answer = self.next_message();
            if answer["id"] == self.next {
                assert!(answer["error"].is_null(), "{method}: {answer}");
                return answer["result"].take();
            }
            self.events.push(answer);
        }
    }

    fn next_message(&mut self) -> Value {
        let mut bytes = Vec::new();
        self.read.read_until(0, &mut bytes).unwrap();
        assert!(!bytes.is_empty(), "the browser has gone away");
        serde_json::from_slice(&bytes[..bytes.len() - 1]).unwrap()
    }

    /// Waits for an event that has not been waited for.
    fn wait_for(&mut self, event: &str) {
        loop {
            let found = self.events.iter().position(|seen| seen["method"] == event);
            if let Some(found) = found {
                self.events.remove(found);
                return;
            }
            let message = self.next_message();
            self.events.push(message);
        }
    }

    /// Opens a page; it is loaded, and looked at like this from now on.
    pub(crate) fn open(&mut self, url: &str, look: Look) {
        let size = json!({"width": look.width, "height": 844, "deviceScaleFactor": 1,
            "mobile": look.width < 800});
        self.ask("Emulation.setDeviceMetricsOverride", size);
        let scheme = if look.dark { "dark" } else { "light" };
        let media = json!({"features": [{"name": "prefers-color-scheme", "value": scheme}]});
        self.ask("Emulation.setEmulatedMedia", media);
        let off = json!({"value": !look.scripts});
        self.ask("Emulation.setScriptExecutionDisabled", off);
        self.loads(|browser| {
            browser.ask("Page.navigate", json!({"url": url}));
        });
    }

    /// Does what loads another page, and waits until that is there.
    pub(crate) fn loads(&mut self, act: impl FnOnce(&mut Browser)) {
        let loaded = "Page.loadEventFired";
        self.events.retain(|event| event["method"] != loaded);
        act(self);
        self.wait_for(loaded);
    }

    /// What an expression comes to in the page, or the promise that it is.
    pub(crate) fn evaluate(&mut self, expression: &str) -> Value {
        let params = json!({"expression": expression, "returnByValue": true,
            "awaitPromise": true});
        let mut told = self.ask("Runtime.evaluate", params);
        assert!(told["exceptionDetails"].is_null(), "{expression}: {told}");
        told["result"]["value"].take()
    }

    /// The text that a person sees.
    pub(crate) fn text(&mut self) -> String {
        let text = self.evaluate("document.body.innerText");
        text.as_str().unwrap().to_owned()
    }

    /// Waits until the page's own script has put this text in.
    pub(crate) fn until_text(&mut self, text: &str) {
        let expression = format!(
            "new Promise((done) => {{
                const seen = () => document.body.innerText.includes({text:?}) && done(true);
                new MutationObserver(seen)
                    .observe(document, {{ subtree: true, childList: true, characterData: true }});
                seen();
            }})"
        );
        assert_eq!(self.evaluate(&expression), true);
    }

    /// Presses a key.
    pub(crate) fn press(&mut self, key: &str, code: u32) {
        let text = if key == "Enter" { "\r" } else { "" };
        for kind in ["keyDown", "keyUp"] {
            let event = json!({"type": kind, "key": key, "code": key, "text": text,
                "windowsVirtualKeyCode": code});
            self.ask("Input.dispatchKeyEvent", event);
        }
    }

    /// Types into what has the focus.
    pub(crate) fn write(&mut self, text: &str) {
        self.ask("Input.insertText", json!({"text": text}));
    }

    /// What the page complained of since the last time: errors of scripts, blocked loads.
    pub(crate) fn complaints(&mut self) -> Vec<Value> {
        // The answer to this comes behind all that was said before.
        self.evaluate("0");
        let events = std::mem::take(&mut self.events);
        let is_complaint = |event: &Value| {
            let params = &event["params"];
            let text = params["entry"]["text"].as_str().unwrap_or_default();
            match event["method"].as_str() {
                Some("Runtime.exceptionThrown") => true,
                // A page that goes away gives up what it was asking for.
                Some("Network.loadingFailed") => params["canceled"] != true,
                // A page may come with any status.
                Some("Log.entryAdded") => {
                    params["entry"]["level"] == "error" && !text.contains("with a status of")
                }
                _ => false,
            }
        };
        events.into_iter().filter(is_complaint).collect()
    }

    /// Asserts what holds of every page: nothing is cut off or scrolls sideways, all text can be
    /// told from its ground, and nothing went wrong in it.
    pub(crate) fn look_over(&mut self, what: &str) {
        let wide = self.evaluate("document.documentElement.scrollWidth - innerWidth");
        assert!(wide.as_i64().unwrap() <= 0, "{what}: {wide} too wide");
        let faint = self.evaluate(FAINT);
        assert_eq!(faint, json!([]), "{what}: hard to read");
        assert_eq!(self.complaints(), [] as [Value; 0], "{what}");
        self.keep_picture(what);
    }

    /// Keeps a picture of the whole page for who wants to look: in the folder that
    /// `PAGE_PICTURES` names.
    pub(crate) fn keep_picture(&mut self, what: &str) {
        let Some(folder) = std::env::var_os("PAGE_PICTURES") else {
            return;
        };
        let params = json!({"captureBeyondViewport": true});
        let picture = self.ask("Page.captureScreenshot", params);
        let name = what.replace([' ', ':'], "_");
        let path = PathBuf::from(folder).join(format!("{name}.png"));
        std::fs::write(path, base64(picture["data"].as_str().unwrap())).unwrap();
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        let mut child = self.child.lock().unwrap();
        // It may have gone away by itself.
        drop(child.kill());
        drop(child.wait());
    }
}

/// Ends a browser that is still in use after too long: then whoever waits for it is told.
fn ended_after_patience(child: &Arc<Mutex<Child>>) -> mpsc::Sender<()> {
    let (in_use, ends) = mpsc::channel();
    let child = Arc::clone(child);
    std::thread::spawn(move || {
        if ends.recv_timeout(PATIENCE) == Err(RecvTimeoutError::Timeout) {
            drop(child.lock().unwrap().kill());
        }
    });
    in_use
}

/// Texts whose contrast is below what the accessibility guidelines ask of small text, 4.5 to 1.
const FAINT: &str = r"(() => {
    const parts = (color) => color.match(/[\d.]+/g).map(Number);
    const light = (color) => {
        const [r, g, b] = parts(color).slice(0, 3).map((part) => {
            part /= 255;
            return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
        });
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const ground = (element) => {
        for (let at = element; at; at = at.parentElement) {
            const color = getComputedStyle(at).backgroundColor;
            const alpha = parts(color)[3];
            if (alpha === undefined || alpha === 1) return color;
        }
        return 'rgb(255, 255, 255)';
    };
    const faint = [];
    const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (texts.nextNode()) {
        const element = texts.currentNode.parentElement;
        if (!texts.currentNode.data.trim() || !element.getClientRects().length) continue;
        const pair = [getComputedStyle(element).color, ground(element)].map(light);
        const contrast = (Math.max(...pair) + 0.05) / (Math.min(...pair) + 0.05);
        if (contrast < 4.5) faint.push(texts.currentNode.data + ' ' + contrast.toFixed(1));
    }
    return faint;
})()";

/// Undoes base64.
fn base64(text: &str) -> Vec<u8> {
    let value = |letter: u8| match letter {
        b'A'..=b'Z' => letter - b'A',
        b'a'..=b'z' => letter - b'a' + 26,
        b'0'..=b'9' => letter - b'0' + 52,
        b'+' => 62,
        _ => 63,
    };
    let letters: Vec<u8> = text.bytes().filter(|&letter| letter != b'=').collect();
    let mut bytes = Vec::new();
    for four in letters.chunks(4) {
        let bits = four
            .iter()
            .fold(0, |bits, &letter| bits << 6 | u32::from(value(letter)));
        let bits = bits << (6 * (4 - four.len()));
        bytes.extend(&bits.to_be_bytes()[1..four.len()]);
    }
    bytes
}

//! What the tests of merchants' withdrawals and postbacks share: a coffer on a simulated disk that
//! is driven by hand, killed and opened again, and withdrawals to ask for.

use std::sync::Arc;

use coffer::engine::command::{NewPartner, PartnerChange};
use coffer::engine::entry::Entry;
use coffer::engine::gateway::Found;
use coffer::engine::postback::{Answer, DeliveryState, PostbackKind, PostbackOf, PostbackRules};
use coffer::engine::refusal::WithdrawalRefusal;
use coffer::engine::settings::{PartnerSettings, SettingsChange};
use coffer::engine::withdrawal::{
    Asked, NewWithdrawal, PayoutDetails, Withdrawal, WithdrawalState, WithdrawalWord,
};
use coffer::id::{PartnerNumber, Seq, WithdrawalId};
use coffer::journal::{Archiver, CommitMode, Committer, Journal, Offline, Pace, RedbJournal};
use coffer::ledger::{
    Checkpointer, CheckpointerStop, Ledger, Observed, Page, PartnerRow, Unavailable,
    WithdrawalError, WithdrawalsAsked, verify_offline,
};
use coffer::money::Amount;
use coffer::secret::hex_encode;
use coffer::sim::disk::SimDisk;
use coffer::sim::{ManualClock, Model, Operation, sample};
use coffer::sort::Scratch;
use coffer::time::Timestamp;

use crate::on_disk::{open_disk, recover};
use crate::world::{Told, clock, rules};

/// A checkpoint writes a tenth as many rows at once.
const CHECKPOINT_ENTRIES: u64 = 100;

/// A coffer on a disk that outlives its processes.
pub(crate) struct Coffer {
    disk: SimDisk,
    pub(crate) clock: Arc<ManualClock>,
    process: Option<Process>,
}

/// All that a kill ends.
struct Process {
    ledger: Arc<Ledger>,
    journal: Arc<RedbJournal>,
    committer: Committer,
    checkpointer: Checkpointer,
    _stop: CheckpointerStop,
}

impl Coffer {
    pub(crate) fn new() -> Coffer {
        let mut coffer = Coffer {
            disk: SimDisk::new(),
            clock: clock(),
            process: None,
        };
        coffer.open();
        coffer
    }

    fn open(&mut self) {
        let disk = Arc::new(self.disk.clone());
        let (redb, books) = open_disk(disk, CommitMode::OnePhase, 1 << 20).unwrap();
        let journal: Arc<dyn Journal> = Arc::<RedbJournal>::clone(&redb);
        let recovered = recover(&journal, books, &self.clock, rules(), CHECKPOINT_ENTRIES);
        let (ledger, committer) = recovered.unwrap();
        let (checkpointer, stop) = Checkpointer::new(Arc::clone(&ledger));
        self.process = Some(Process {
            ledger,
            journal: redb,
            committer,
            checkpointer,
            _stop: stop,
        });
    }

    pub(crate) fn ledger(&self) -> &Arc<Ledger> {
        &self.process.as_ref().expect("it is open").ledger
    }

    /// Makes all that was taken down durable.
    pub(crate) fn sync(&mut self) {
        let process = self.process.as_mut().expect("it is open");
        while process.committer.step(50).unwrap() > 0 {}
    }

    /// Everything to history and to the books.
    pub(crate) fn checkpoint(&mut self) {
        self.sync();
        let process = self.process.as_mut().expect("it is open");
        let journal = Arc::clone(&process.journal);
        let (mut archiver, _stop) = Archiver::new(journal, &process.committer, Pace::default());
        while archiver.step().unwrap() > 0 {}
        process.checkpointer.checkpoint().unwrap();
    }

    /// Kills the process and starts another: what was not synced is gone.
    pub(crate) fn kill(&mut self) {
        self.process = None;
        self.open();
    }

    /// What `coffer verify` finds, with the books and the journal as they lie there.
    pub(crate) fn verified(&self) -> Vec<String> {
        let image = SimDisk::from_image(self.disk.image());
        let offline = Offline::open(Arc::new(image)).unwrap();
        let scratch = Arc::new(Scratch::new(Arc::new(SimDisk::new())).unwrap());
        verify_offline(offline, scratch, &mut |_| {})
            .unwrap()
            .findings
    }

    /// A merchant, whose withdrawals are told of at `url`, with withdrawals beyond its balance.
    pub(crate) fn merchant(&self, token: &str, url: Option<&str>) -> PartnerNumber {
        let new = NewPartner {
            settings: PartnerSettings {
                check_withdrawal_funds: false,
                withdrawal_postback_url: url.map(|url| url.parse().unwrap()),
                ..PartnerSettings::default()
            },
            ..sample::partner(token, "INR".parse().unwrap())
        };
        let created = self.ledger().create_partner(new, sample::secrets());
        created.unwrap().value.number
    }

    pub(crate) fn partner(&self, number: PartnerNumber) -> Arc<PartnerRow> {
        self.ledger().partner(number).unwrap().value
    }

    pub(crate) fn set(&self, number: PartnerNumber, settings: SettingsChange) {
        let change = PartnerChange {
            settings,
            ..PartnerChange::default()
        };
        self.ledger().change_partner(number, change).unwrap();
    }

    pub(crate) fn ask(
        &self,
        partner: PartnerNumber,
        new: &NewWithdrawal,
    ) -> Result<Observed<Found<Withdrawal>>, WithdrawalError> {
        self.ledger().create_withdrawal(&self.partner(partner), new)
    }

    /// A try to tell of a withdrawal comes back.
    pub(crate) fn try_postback(&self, partner: PartnerNumber, id: &WithdrawalId, taken: bool) {
        postback_tried(self.ledger(), &of_withdrawal(partner, id), taken).unwrap();
    }

    /// Every entry that is synced.
    pub(crate) fn entries(&self) -> Vec<Entry> {
        let journal = &self.process.as_ref().expect("it is open").journal;
        let batches = journal.read_from(Seq::NONE.next()).unwrap();
        batches.flat_map(|batch| batch.unwrap().entries).collect()
    }

    pub(crate) fn decide(
        &self,
        number: Seq,
        word: &WithdrawalWord,
    ) -> Result<Observed<Found<Withdrawal>>, WithdrawalError> {
        self.ledger().decide_on_withdrawal(number, word, &told)
    }
}

/// What a merchant is told, for tests that read none of it.
pub(crate) fn told(partner: &PartnerRow, withdrawal: &Withdrawal, now: Timestamp) -> String {
    let (of, id) = (partner.number, &withdrawal.id);
    let state = withdrawal.state.name();
    format!(r#"{{"to":"{of}","withdrawal_id":"{id}","state":"{state}","at":"{now}"}}"#)
}

/// A withdrawal under a name, or without one; its signature is of what it says.
pub(crate) fn withdrawal(id: Option<&str>, wallet_type: &str, cents: u64) -> NewWithdrawal {
    let signature = blake3::hash(format!("{id:?} {wallet_type} {cents}").as_bytes());
    NewWithdrawal {
        id: id.map(|id| id.parse().unwrap()),
        made: format!("made-{}", &hex_encode(signature.as_bytes())[..16])
            .parse()
            .unwrap(),
        signature: hex_encode(&signature.as_bytes()[..20]).parse().unwrap(),
        asked: Asked {
            wallet_type: wallet_type.parse().unwrap(),
            amount: Amount::from_cents(cents).unwrap(),
            currency: "INR".parse().unwrap(),
            label: "55".parse().unwrap(),
            is_test: false,
            comment: None,
            details: PayoutDetails::default(),
            old_form: None,
        },
    }
}

/// Does to a ledger what a simulated world does about withdrawals.
pub(crate) fn perform(ledger: &Ledger, operation: &Operation) -> Result<(Told, Seq), Unavailable> {
    let done = match operation {
        Operation::Withdraw { partner, new } => {
            let partner = ledger.partner(*partner).unwrap().value;
            ledger.create_withdrawal(&partner, new)
        }
        Operation::DecideWithdrawal { partner, id, word } => {
            let partner = ledger.partner(*partner).unwrap().value;
            let found = ledger.withdrawal_named(&partner, id)?;
            let Some(found) = found.value else {
                return Ok((Told::NotWithdrawn(WithdrawalRefusal::Unknown), found.seq));
            };
            ledger.decide_on_withdrawal(found.created, word, &told)
        }
        Operation::TryPostback { partner, id, taken } => {
            let tried = postback_tried(ledger, &of_withdrawal(*partner, id), *taken)?;
            let done = Told::Done {
                balance: None,
                repeated: false,
            };
            return Ok((done, tried));
        }
        other => panic!("{other:?} is about no withdrawal"),
    };
    match done {
        Ok(Observed { value, seq }) => {
            let Withdrawal { id, state, .. } = value.document;
            Ok((Told::Withdrawn(id, state), seq))
        }
        Err(WithdrawalError::Refused(refusal, seq)) => Ok((Told::NotWithdrawn(refusal), seq)),
        Err(WithdrawalError::Unavailable) => Err(Unavailable),
    }
}

fn of_withdrawal(partner: PartnerNumber, id: &WithdrawalId) -> PostbackOf {
    PostbackOf {
        partner,
        kind: PostbackKind::Withdrawal,
        name: id.as_str().parse().unwrap(),
    }
}

pub(crate) fn postback_tried(
    ledger: &Ledger,
    of: &PostbackOf,
    taken: bool,
) -> Result<Seq, Unavailable> {
    let Some(found) = ledger.postback_of(of)? else {
        return Ok(Seq::NONE);
    };
    assert!(found.value.postback.body.contains(of.name.as_str()));
    let url = "https://shop.example.com/postback".parse().unwrap();
    let answer = Answer::new(taken, Some(200), "{}");
    let sent = &found.value.postback;
    let tried = ledger.postback_tried(sent, url, answer, &PostbackRules::default())?;
    Ok(tried.seq)
}

/// Everything about withdrawals in which a ledger and a model differ.
pub(crate) fn compare(ledger: &Ledger, model: &Model, found: &mut Vec<String>) {
    for ((partner, id), due) in model.withdrawals() {
        let row = ledger.partner(*partner).unwrap().value;
        let seen = ledger.withdrawal_named(&row, id).unwrap().value;
        let is_so = seen.as_ref().is_some_and(|seen| {
            let of = &seen.document;
            (&of.asked, of.state) == (&due.asked, due.state)
        });
        if !is_so {
            found.push(format!(
                "withdrawal {id} of {partner} is {seen:?}, not {due:?}"
            ));
        }
        let told = ledger.postback_of(&of_withdrawal(*partner, id)).unwrap();
        let told = told.map(|told| told.value.delivery.document);
        let is_told = told.as_ref().map(|of| {
            let taken = of.state == DeliveryState::Delivered;
            (of.attempts, taken)
        });
        let is_decided = due.state != WithdrawalState::Processing;
        if is_told != is_decided.then_some((due.attempts, due.taken)) {
            found.push(format!("withdrawal {id} is told {told:?}, not {due:?}"));
        }
        if let Some(told) = told {
            let tries = ledger.attempts(&told, 1000).unwrap();
            let numbers: Vec<u32> = tries.iter().map(|tried| tried.document.number).collect();
            if !numbers.iter().copied().eq((1..=told.attempts).rev()) {
                found.push(format!("withdrawal {id} has tries {numbers:?}"));
            }
        }
    }
}

/// How many are listed, page by page.
pub(crate) fn count<T>(page: impl Fn(Option<Seq>) -> Page<T>) -> usize {
    let (mut listed, mut before) = (0, None);
    loop {
        let page = page(before);
        listed += page.items.len();
        before = page.next;
        if before.is_none() {
            return listed;
        }
    }
}

/// What is listed of withdrawals and of what waits, beside what all models know.
pub(crate) fn compare_lists(ledger: &Ledger, models: &[&Model], found: &mut Vec<String>) {
    for state in [
        None,
        Some(WithdrawalState::Processing),
        Some(WithdrawalState::Rejected),
    ] {
        let asked = WithdrawalsAsked {
            partner: None,
            state,
        };
        let listed = count(|before| ledger.withdrawals(asked, before, 100).unwrap().value);
        let due = models.iter().flat_map(|model| model.withdrawals());
        let due = due
            .filter(|(_, of)| state.is_none_or(|state| of.state == state))
            .count();
        if listed != due {
            found.push(format!(
                "{listed} withdrawals are listed as {state:?}, not {due}"
            ));
        }
    }
}

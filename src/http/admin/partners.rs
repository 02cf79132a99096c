//! Partners: created with secrets that are shown once, listed, shown, changed.

use super::{Done, Failed, done};
use crate::engine::command::{NewPartner, PartnerChange};
use crate::engine::document::{Partner, PartnerSecrets};
use crate::engine::rotation::{FormerSecrets, GatewaySecrets, NewSecrets, SecretKind};
use crate::engine::settings::{PartnerSettings, SettingsChange};
use crate::http::State;
use crate::ledger::DEFAULT_ID_SPACE;
use crate::protocol::admin::{
    CreatePartner, Fault, Members, NewlyShown, Page, PageWanted, PartnerCreated, PartnerItem,
    PartnerNamed, PartnerShown, RotateSecret, SecretRotated, UpdatePartner,
};
use crate::secret::{Secret, random_word};

pub(super) fn create(state: &State, members: Members) -> Result<Done, Failed> {
    let request = CreatePartner::decode(members)?;
    check_games(state, &request.settings)?;
    let word = || {
        random_word(22)
            .parse()
            .expect("a word of letters and digits")
    };
    let default = || DEFAULT_ID_SPACE.parse().expect("a word of letters");
    let new = NewPartner {
        name: request.name,
        currency: request.currency,
        wallet_token: request.wallet_token.unwrap_or_else(word),
        id_space: request.id_space.unwrap_or_else(default),
        game_server_addresses: request.game_server_addresses,
        expires_at: request.expires_at,
        settings: PartnerSettings::default().with(request.settings),
    };
    let [
        api_secret,
        payment_token,
        pluginapi_secret,
        access_key,
        private_key,
    ] = std::array::from_fn(|_| Secret::random());
    let key = &state.admin.secret_key;
    let secrets = PartnerSecrets {
        api_key: random_word(32),
        api_secret: key.hash(&api_secret),
        payment_token: key.hash(&payment_token),
        pluginapi_secret: key.hash(&pluginapi_secret),
        access_key: key.seal(&access_key),
        private_key: key.seal(&private_key),
        former: FormerSecrets::default(),
    };
    let created = state.ledger.create_partner(new, secrets)?;
    let partner = &created.value;
    let reply = PartnerCreated {
        partner: partner.number,
        name: &partner.name,
        currency: partner.currency,
        wallet_token: &partner.wallet_token,
        wallet_url: wallet_url(state, partner),
        api_key: &partner.secrets.api_key,
        api_secret: api_secret.expose(),
        payment_token: payment_token.expose(),
        pluginapi_secret: pluginapi_secret.expose(),
        access_key: access_key.expose(),
        private_key: private_key.expose(),
    };
    Ok(done(&reply, created.seq))
}

pub(super) fn list(state: &State, members: Members) -> Result<Done, Failed> {
    let wanted = PageWanted::decode(members)?;
    let partners = state.ledger.partners();
    let mut rest = partners
        .value
        .iter()
        .filter(|partner| {
            wanted
                .cursor
                .is_none_or(|after| u64::from(partner.number.0) > after)
        })
        .peekable();
    let mut page = Page {
        items: Vec::new(),
        next: None,
    };
    while page.items.len() < wanted.items_max() {
        let Some(partner) = rest.next() else { break };
        page.items.push(item(state, partner));
        page.next = rest.peek().map(|_| u64::from(partner.number.0));
    }
    Ok(done(&page, partners.seq))
}

pub(super) fn show(state: &State, members: Members) -> Result<Done, Failed> {
    let request = PartnerNamed::decode(members)?;
    let partner = state.ledger.partner(request.partner)?;
    Ok(done(&shown(state, &partner.value), partner.seq))
}

pub(super) fn update(state: &State, members: Members) -> Result<Done, Failed> {
    let request = UpdatePartner::decode(members)?;
    check_games(state, &request.settings)?;
    let change = PartnerChange {
        disabled: None,
        game_server_addresses: request.game_server_addresses,
        expires_at: request.expires_at,
        settings: request.settings,
    };
    let changed = state.ledger.change_partner(request.partner, change)?;
    Ok(done(&shown(state, &changed.value), changed.seq))
}

pub(super) fn rotate_secret(state: &State, members: Members) -> Result<Done, Failed> {
    let request = RotateSecret::decode(members)?;
    let key = &state.admin.secret_key;
    let [one, two, three] = std::array::from_fn(|_| Secret::random());
    let (new, secrets) = match request.what {
        SecretKind::Api => {
            let api_secret = one.expose();
            let new = NewSecrets::Api(key.hash(&one));
            (new, NewlyShown::Api { api_secret })
        }
        SecretKind::Payment => {
            let payment_token = one.expose();
            let new = NewSecrets::Payment(key.hash(&one));
            (new, NewlyShown::Payment { payment_token })
        }
        SecretKind::Paykassma => {
            let new = NewSecrets::Paykassma(GatewaySecrets {
                pluginapi_secret: key.hash(&one),
                access_key: key.seal(&two),
                private_key: key.seal(&three),
            });
            let shown = NewlyShown::Paykassma {
                pluginapi_secret: one.expose(),
                access_key: two.expose(),
                private_key: three.expose(),
            };
            (new, shown)
        }
    };
    let grace = request.grace;
    let rotated = state.ledger.rotate_secret(request.partner, new, grace)?;
    let reply = SecretRotated {
        partner: rotated.value.number,
        what: request.what,
        api_key: &rotated.value.secrets.api_key,
        former_until: state.clock.now().plus(grace),
        secrets,
    };
    Ok(done(&reply, rotated.seq))
}

pub(super) fn set_disabled(
    state: &State,
    members: Members,
    disabled: bool,
) -> Result<Done, Failed> {
    let request = PartnerNamed::decode(members)?;
    let change = PartnerChange {
        disabled: Some(disabled),
        ..PartnerChange::default()
    };
    let changed = state.ledger.change_partner(request.partner, change)?;
    Ok(done(&shown(state, &changed.value), changed.seq))
}

fn wallet_url(state: &State, partner: &Partner) -> String {
    format!(
        "{}/wallet/{}",
        state.settings.public_url, partner.wallet_token
    )
}

fn item(state: &State, partner: &Partner) -> PartnerItem {
    PartnerItem {
        partner: partner.number,
        name: partner.name.clone(),
        currency: partner.currency,
        wallet_token: partner.wallet_token.clone(),
        state: match partner.disabled {
            true => "disabled",
            false if partner.is_live(state.clock.now()) => "enabled",
            false => "expired",
        },
        created_at: partner.created_at,
    }
}

fn shown(state: &State, partner: &Partner) -> PartnerShown {
    PartnerShown {
        item: item(state, partner),
        wallet_url: wallet_url(state, partner),
        id_space: partner.id_space_name.clone(),
        game_server_addresses: partner.game_server_addresses.clone(),
        expires_at: partner.expires_at,
        settings: partner.settings.clone(),
    }
}

/// Refuses games that nobody could open a session for.
fn check_games(state: &State, settings: &SettingsChange) -> Result<(), Failed> {
    let games = settings.games.iter().flatten();
    let mut named = games.chain(settings.default_game.iter().flatten());
    match named.find(|game| state.admin.games.number(game).is_none()) {
        None => Ok(()),
        Some(unknown) => Err(Failed::from(Fault::GameTypeUnknown(unknown.clone()))),
    }
}

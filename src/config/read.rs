//! Reading the configuration: file, environment and flags, each over the ones before.

use std::collections::BTreeMap;
use std::path::Path;

use toml::de::{DeTable, DeValue};

use super::error::hint;
use super::given::Given;
use super::key::{self, FOREIGN_VARIABLES, GAME_KEYS, KEYS, OTHER_VARIABLES, SECTIONS};
use super::paykassma::{PAYMENT_SYSTEM, read_systems, shipped};
use super::{Config, ConfigError, FlagGiven, Game, Place};

impl Config {
    /// Reads file, environment and flags, each over the ones before.
    ///
    /// # Errors
    /// The first key that is unknown or has a bad value.
    pub fn load(
        file: Option<&Path>,
        environment: impl IntoIterator<Item = (String, String)>,
        flags: &[FlagGiven],
    ) -> Result<Config, ConfigError> {
        let text = |path: &Path| {
            std::fs::read_to_string(path).map_err(|source| {
                let path = path.to_owned();
                ConfigError::Unreadable { path, source }
            })
        };
        let text = file.map(text).transpose()?;
        let file = file.zip(text.as_deref());
        Config::read(file, environment, flags)
    }

    /// The same of a file's text, whose path is told with its faults.
    ///
    /// # Errors
    /// As [`Config::load`].
    pub fn read(
        file: Option<(&Path, &str)>,
        environment: impl IntoIterator<Item = (String, String)>,
        flags: &[FlagGiven],
    ) -> Result<Config, ConfigError> {
        let mut config = Config::default();
        if let Some((path, text)) = file {
            config.read_file(path, text)?;
        }
        // Sorted, so that of two faults always the same one is told.
        let variables: BTreeMap<String, String> = environment.into_iter().collect();
        for (name, value) in &variables {
            config.read_variable(name, value)?;
        }
        for given in flags {
            let place = || Place::Flag(given.flag);
            config.set(given.section, given.key, &Given::Word(&given.value), place)?;
        }
        config.check_upi()?;
        config.rates = config.rates_given.table()?;
        Ok(config)
    }

    /// A UPI payment names address and name: one alone would quietly leave pages without a code.
    fn check_upi(&self) -> Result<(), ConfigError> {
        let (address, name) = ("payments.upi_address", "payments.upi_name");
        let payments = &self.payments;
        let (key, missing) = match (&payments.upi_address, &payments.upi_name) {
            (Some(_), None) => (address, name),
            (None, Some(_)) => (name, address),
            _ => return Ok(()),
        };
        Err(ConfigError::Alone { key, missing })
    }

    pub(super) fn read_file(&mut self, path: &Path, text: &str) -> Result<(), ConfigError> {
        let place = |at: usize| {
            let line = 1 + text[..at].bytes().filter(|&b| b == b'\n').count();
            Place::File(path.to_owned(), line)
        };
        let document = DeTable::parse(text).map_err(|error| {
            let span = error.span().unwrap_or_default();
            let near = text.get(span.clone()).and_then(|near| near.lines().next());
            let near = near
                .filter(|near| !near.is_empty())
                .map(|near| format!(" at {near}"));
            ConfigError::Syntax {
                place: place(span.start.min(text.len())),
                fault: error.message().replace('\n', " ") + &near.unwrap_or_default(),
            }
        })?;
        for (name, section) in document.get_ref() {
            let (section_name, at) = (name.get_ref().as_ref(), name.span().start);
            if !SECTIONS.contains(&section_name) {
                return Err(unknown(
                    section_name,
                    SECTIONS,
                    "the sections are",
                    place(at),
                ));
            }
            let keys = table_of(section.get_ref(), section_name, || place(at))?;
            for (key, value) in keys {
                let at = key.span().start;
                let key = key.get_ref().as_ref();
                if section_name == "games" {
                    let full = format!("games.{key}");
                    for (of_game, value) in table_of(value.get_ref(), &full, || place(at))? {
                        let at = of_game.span().start;
                        let given = Given::Toml(value.get_ref());
                        self.set_game(key, of_game.get_ref(), &given, || place(at))?;
                    }
                    self.check_game(key, || place(at))?;
                } else if (section_name, key) == ("paykassma", PAYMENT_SYSTEM) {
                    let systems = read_systems(value.get_ref(), &shipped(), &place)?;
                    self.paykassma.catalogue = systems;
                } else {
                    let given = Given::Toml(value.get_ref());
                    self.set(section_name, key, &given, || place(at))?;
                }
            }
        }
        Ok(())
    }

    /// Takes a variable of ours. Those of commands, such as `COFFER_ADMIN`, are no settings; any
    /// other unknown name is told, since it is a slip of the pen.
    fn read_variable(&mut self, name: &str, value: &str) -> Result<(), ConfigError> {
        let place = || Place::Environment(name.to_owned());
        let Some(rest) = name.strip_prefix("COFFER_") else {
            return Ok(());
        };
        if OTHER_VARIABLES.contains(&rest)
            || FOREIGN_VARIABLES
                .iter()
                .any(|start| rest.starts_with(start))
        {
            return Ok(());
        }
        let lower = rest.to_ascii_lowercase();
        let (section, key) = lower.split_once('_').unwrap_or((&lower, ""));
        if section == "games" {
            let of_game = |known: &&str| key.strip_suffix(*known)?.strip_suffix('_');
            let named = GAME_KEYS
                .iter()
                .find_map(|known| Some((of_game(known)?, known)));
            let Some((game, key)) = named.filter(|(game, _)| !game.is_empty()) else {
                let key = format!("games.{key}");
                return Err(unknown(
                    &key,
                    &["games.NAME.game", "games.NAME.launch_base"],
                    "there are",
                    place(),
                ));
            };
            self.set_game(game, key, &Given::Word(value), place)?;
            return self.check_game(game, place);
        }
        if !SECTIONS.contains(&section) {
            return Err(unknown(section, SECTIONS, "the sections are", place()));
        }
        self.set(section, key, &Given::Word(value), place)
    }

    fn set(
        &mut self,
        section: &str,
        name: &str,
        given: &Given<'_>,
        place: impl Fn() -> Place,
    ) -> Result<(), ConfigError> {
        let of_section = || KEYS.iter().filter(|key| key.section == section);
        let full = format!("{section}.{name}");
        let wrong = |fault| ConfigError::Wrong {
            place: place(),
            key: full.clone(),
            fault,
        };
        if section == "rates" {
            return self.rates_given.set(name, given, place()).map_err(wrong);
        }
        let Some(key) = of_section().find(|key| key.name == name) else {
            let known: Vec<String> = of_section()
                .map(|key| format!("{section}.{}", key.name))
                .collect();
            let known: Vec<&str> = known.iter().map(String::as_str).collect();
            return Err(unknown(&full, &known, "there are", place()));
        };
        (key.set)(self, given).map_err(wrong)
    }

    fn set_game(
        &mut self,
        game: &str,
        key: &str,
        given: &Given<'_>,
        place: impl Fn() -> Place,
    ) -> Result<(), ConfigError> {
        let full = format!("games.{game}.{key}");
        if !GAME_KEYS.contains(&key) {
            let known = GAME_KEYS.map(|known| format!("games.{game}.{known}"));
            let known: Vec<&str> = known.iter().map(String::as_str).collect();
            return Err(unknown(&full, &known, "there are", place()));
        }
        key::set_game(self, game, key, given).map_err(|fault| ConfigError::Wrong {
            place: place(),
            key: full,
            fault,
        })
    }

    fn check_game(&self, name: &str, place: impl Fn() -> Place) -> Result<(), ConfigError> {
        match self.games.0.get(name) {
            Some(Game { game: Some(_), .. }) => Ok(()),
            _ => Err(ConfigError::Wrong {
                place: place(),
                key: format!("games.{name}.game"),
                fault: "is missing: the game's number at the game server".to_owned(),
            }),
        }
    }
}

fn unknown(key: &str, known: &[&str], of: &str, place: Place) -> ConfigError {
    ConfigError::Unknown {
        place,
        hint: hint(key, known, of),
        key: key.to_owned(),
    }
}

fn table_of<'a>(
    value: &'a DeValue<'a>,
    key: &str,
    place: impl Fn() -> Place,
) -> Result<&'a DeTable<'a>, ConfigError> {
    value.as_table().ok_or_else(|| ConfigError::Wrong {
        place: place(),
        key: key.to_owned(),
        fault: format!("must be a table: [{key}]"),
    })
}

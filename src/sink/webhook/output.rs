//! A webhook whose settings may change while it runs.

use super::{Webhook, WebhookSettings, WebhookTrigger};
use crate::error::Result;
use crate::pipeline::WindowResult;
use crate::sink::DeliveryCounts;
use std::sync::Arc;
use std::thread::JoinHandle;

/// The lines that the trigger selects, posted to the current webhook, and counts over all webhooks so far.
pub(in crate::sink) struct WebhookOutput {
    settings: Option<WebhookSettings>,
    trigger: WebhookTrigger,
    webhook: Option<Webhook>,
    /// Counts of webhooks that were replaced.
    replaced: DeliveryCounts,
    /// Replaced webhooks that are still closing; each returns its counts since it was replaced.
    closing: Vec<JoinHandle<DeliveryCounts>>,
    /// Label and verdict of the last line.
    last: Option<(String, &'static str)>,
}

impl WebhookOutput {
    /// Opens the webhook of `settings`, if any.
    ///
    /// # Errors
    /// Returns the errors of [`Webhook::open`].
    pub(in crate::sink) fn open(settings: Option<WebhookSettings>, trigger: WebhookTrigger) -> Result<Self> {
        let webhook = settings.clone().map(Webhook::open).transpose()?;
        let replaced = DeliveryCounts::default();
        Ok(Self { settings, trigger, webhook, replaced, closing: Vec::new(), last: None })
    }

    /// Replaces the webhook if its settings changed. The old one has two seconds to deliver its queue, on a thread of
    /// its own.
    ///
    /// # Errors
    /// Returns an error if the new webhook cannot be opened; the old one then stays.
    pub(in crate::sink) fn reopen(
        &mut self,
        settings: Option<&WebhookSettings>,
        trigger: WebhookTrigger,
    ) -> Result<()> {
        if settings != self.settings.as_ref() {
            let new = settings.cloned().map(Webhook::open).transpose()?;
            if let Some(old) = std::mem::replace(&mut self.webhook, new) {
                self.close(old);
            }
            self.settings = settings.cloned();
        }
        self.trigger = trigger;
        Ok(())
    }

    fn close(&mut self, webhook: Webhook) {
        let DeliveryCounts { sent, lost, .. } = webhook.counts();
        self.add(sent, lost);
        self.closing.push(std::thread::spawn(move || {
            let end = webhook.close();
            DeliveryCounts { sent: end.sent - sent, lost: end.lost - lost, waiting: 0 }
        }));
    }

    fn add(&mut self, sent: u64, lost: u64) {
        self.replaced.sent += sent;
        self.replaced.lost += lost;
    }

    /// Returns whether a webhook is open.
    pub(in crate::sink) fn is_open(&self) -> bool {
        self.webhook.is_some()
    }

    /// Queues `line`, that of `result`, if the trigger selects it.
    pub(in crate::sink) fn send(&mut self, line: &Arc<str>, result: &WindowResult<'_>) {
        let judgement = &result.judgement;
        let current = (result.names[judgement.label].clone(), judgement.verdict.name());
        let is_selected = match self.trigger {
            WebhookTrigger::Every => true,
            WebhookTrigger::Change => self.last.as_ref() != Some(&current),
            WebhookTrigger::Flag => current.1 == "flag",
        };
        if let Some(webhook) = self.webhook.as_ref().filter(|_| is_selected) {
            webhook.send(line);
        }
        self.last = Some(current);
    }

    /// Returns the counts of this webhook and those before it, or `None` if there was none.
    pub(in crate::sink) fn counts(&mut self) -> Option<DeliveryCounts> {
        let closed: Vec<_> = self.closing.extract_if(.., |thread| thread.is_finished()).collect();
        for thread in closed {
            let DeliveryCounts { sent, lost, .. } = thread.join().unwrap_or_default();
            self.add(sent, lost);
        }
        let current = self.webhook.as_ref().map(Webhook::counts).unwrap_or_default();
        let (sent, lost) = (self.replaced.sent + current.sent, self.replaced.lost + current.lost);
        let is_used = self.webhook.is_some() || self.replaced != DeliveryCounts::default();
        is_used.then_some(DeliveryCounts { sent, lost, waiting: current.waiting })
    }
}

// Counts the time down, and puts the outcome in when there is one. Without it the page works too.
'use strict';
(() => {
  const lookEvery = 4000;
  let end = 0;
  let looking = false;

  const waits = () => document.querySelector('[data-left], [data-looked-at]');
  const timer = (root) => root.querySelector('[data-left]');
  const two = (number) => String(number).padStart(2, '0');

  const read = () => {
    const left = timer(document);
    if (left) end = performance.now() + 1000 * Number(left.dataset.left);
  };

  const show = () => {
    const at = timer(document);
    if (!at) return;
    const left = Math.max(0, Math.ceil((end - performance.now()) / 1000));
    const [hours, minutes, seconds] = [Math.floor(left / 3600), Math.floor(left / 60) % 60, left % 60];
    at.textContent = (hours ? hours + ':' + two(minutes) : minutes) + ':' + two(seconds);
    at.classList.toggle('short', left < 60);
    if (left === 0) look();
  };

  // An outcome that comes while the page is open leads on as one that is opened.
  const leadBack = () => {
    const back = document.querySelector('[data-back]');
    if (back) setTimeout(() => location.assign(back.href), 1000 * Number(back.dataset.back));
  };

  const look = async () => {
    if (looking || document.hidden || !waits()) return;
    looking = true;
    try {
      const answer = await fetch(location.href, { cache: 'no-store' });
      if (!answer.ok) return;
      const next = new DOMParser().parseFromString(await answer.text(), 'text/html');
      const [old, now] = [document.querySelector('main'), next.querySelector('main')];
      if (!now) return;
      if (old.dataset.state !== now.dataset.state) {
        old.replaceWith(now);
        document.title = next.title;
        leadBack();
      } else if (timer(now)) {
        timer(old).dataset.left = timer(now).dataset.left;
      }
      read();
    } catch {
      // The network is away for the moment: the next look will tell.
    } finally {
      looking = false;
    }
  };

  read();
  setInterval(show, 1000);
  setInterval(look, lookEvery);
  // Who comes back from the app that pays wants to know at once.
  document.addEventListener('visibilitychange', look);
})();

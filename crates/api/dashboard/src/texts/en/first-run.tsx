import type { JSX } from 'preact';

/** What is shown before the first webhook: how it is sent. */
export const firstRun = {
  title: 'Waiting for the first webhook',
  lead: 'Nothing has been received yet. This page turns into the overview as soon as something arrives.',
  forCompany: 'For company',
  addCompany: '0. Add a company',
  yourCompany: 'Your company',
  yourKey: 'your key',
  paste: '1. Paste this address into the Netbanx portal',
  sameKey: '2. Give both sides the same key',
  makeKey: (link: (text: string) => JSX.Element) => <>Make one, or enter the portal's own, under {link('Settings, Receivers')}. It is shown once.</>,
  askForKey: 'Ask an administrator of your company to set it under Settings, Receivers.',
  send: '3. Send a webhook',
  fromShell: 'From a shell:',
  byCommand: "Or many, realistic and signed, with the operator's command:",
  fromHere: "Or from here, signed with the receiver's key:",
};

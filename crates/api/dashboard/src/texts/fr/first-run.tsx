import type { JSX } from 'preact';

/** What is shown before the first webhook: how it is sent. */
export const firstRun = {
  title: 'En attente du premier webhook',
  lead: 'Rien n’a encore été reçu. Cette page deviendra la vue d’ensemble dès l’arrivée du premier webhook.',
  forCompany: 'Pour la société',
  addCompany: '0. Ajouter une société',
  yourCompany: 'Votre société',
  yourKey: 'votre clé',
  paste: '1. Coller cette adresse dans le portail Netbanx',
  sameKey: '2. Donner la même clé des deux côtés',
  makeKey: (link: (text: string) => JSX.Element) => <>Créez-en une, ou saisissez celle du portail, sous {link('Paramètres, Récepteurs')}. Elle n’est affichée qu’une fois.</>,
  askForKey: 'Demandez à un administrateur de votre société de la définir sous Paramètres, Récepteurs.',
  send: '3. Envoyer un webhook',
  fromShell: 'Depuis un terminal :',
  byCommand: 'Ou plusieurs, réalistes et signés, avec la commande de l’opérateur :',
  fromHere: 'Ou d’ici, signé avec la clé du récepteur :',
};

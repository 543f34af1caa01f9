import { count } from '../../format/numbers';

/** What stands above a list: columns to choose, saved views. */
export const lists = {
  columns: (shown: number, all: number) => (shown === all ? 'Colonnes' : `Colonnes : ${count(shown)} sur ${count(all)}`),
  columnsToShow: 'Colonnes à afficher',
  views: (number: number) => (number === 0 ? 'Vues enregistrées' : `Vues enregistrées (${count(number)})`),
  savedViews: 'Vues enregistrées',
  noViews: 'Rien n’est encore enregistré : filtrez la liste et enregistrez sous un nom ce qui est affiché. La vue reste dans ce navigateur.',
  viewName: 'Nom de cette vue',
  saveView: 'Enregistrer cette vue',
  saved: (name: string) => `Enregistrée sous ${name}`,
  notSaved: (most: number) => `Enregistrement impossible : ${count(most)} vues au plus par liste.`,
};

import { count } from '../../format/numbers';

/** What stands above a list: columns to choose, saved views. */
export const lists = {
  columns: (shown: number, all: number) => (shown === all ? 'Columns' : `Columns: ${count(shown)} of ${count(all)}`),
  columnsToShow: 'Columns to show',
  views: (number: number) => (number === 0 ? 'Saved views' : `Saved views (${count(number)})`),
  savedViews: 'Saved views',
  noViews: 'Nothing is saved yet: filter the list, and save what is shown under a name. It stays in this browser.',
  viewName: 'Name of this view',
  saveView: 'Save this view',
  saved: (name: string) => `Saved as ${name}`,
  notSaved: (most: number) => `It could not be saved: of a list ${count(most)} views are kept at most.`,
};

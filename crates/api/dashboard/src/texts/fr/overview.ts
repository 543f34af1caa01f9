import { count, counted } from '../../format/numbers';
import type { Before } from '../en/overview';

/** What it is compared with: as it follows « par rapport », and as a time. */
function told(before: Before): { to: string; at: string } {
  if (typeof before === 'number') {
    const days = counted(before, { one: 'jour précédent', other: 'jours précédents' });
    return { to: `aux ${days}`, at: `les ${days}` };
  }
  return {
    hour: { to: 'à l’heure précédente', at: 'l’heure précédente' },
    day: { to: 'au jour précédent', at: 'le jour précédent' },
    week: { to: 'à la semaine précédente', at: 'la semaine précédente' },
    year: { to: 'à la même période un an plus tôt', at: 'à la même période un an plus tôt' },
  }[before];
}

/** The overview. */
export const overview = {
  overview: 'Vue d’ensemble',
  range: 'Période',
  period: 'Période',
  ranges: { hour: 'Heure', day: 'Jour', week: 'Semaine', month: 'Mois', custom: 'Au choix' },
  intervals: { auto: 'Automatique', hour: 'Heure', day: 'Jour', week: 'Semaine', month: 'Mois', quarter: 'Trimestre', year: 'Année' },
  comparisons: { previous: 'Période précédente', year: 'Un an plus tôt' },
  toInclusive: 'Au (inclus)',
  by: 'Par',
  compareWith: 'Comparer avec',
  yours: (zone: string) => `${zone} (le vôtre)`,
  companys: (zone: string) => `${zone} (celui de la société)`,
  volume: 'Volume',
  net: 'Net',
  refunds: 'Remboursements',
  chargebacks: 'Rétrofacturations',
  approvalRate: 'Taux d’acceptation',
  failedAndPending: (failed: number, pending: number) => `${counted(failed, { one: 'échouée', other: 'échouées' })} · ${count(pending)} en attente`,
  duplicatesAndFailed: (duplicates: number, failed: number) => `${counted(duplicates, { one: 'doublon', other: 'doublons' })} · ${count(failed)} en échec`,
  points: (number: number) => counted(number, { one: 'point', other: 'points' }),
  against: (change: string, before: Before) => `${change} par rapport ${told(before).to}`,
  noneIn: (before: Before) => `rien ${told(before).at}`,
  asBefore: 'inchangé',
  compared: (days: string, before: string) => `${days} par rapport à ${before}`,
  asOf: (time: string, zone: string) => `État au ${time} (${zone})`,
  paymentMethods: 'Moyens de paiement',
  noPayments: 'Aucun paiement sur cette période',
  completedShare: (all: number, decided: number, share: string) => `${count(all)} · ${share}${decided < all ? ` sur ${count(decided)}` : ''} aboutis`,
  noneDecided: (all: number) => `${count(all)} · aucun abouti ni échoué à ce stade`,
  failureReasons: 'Motifs d’échec',
  nothingFailed: 'Aucun échec sur cette période',
  overTime: 'Évolution',
  series: 'Série',
  counted: 'Nombre',
  volumeIn: (currency: string) => `Volume ${currency}`,
  netIn: (currency: string) => `Net ${currency}`,
  completed: 'Abouties',
  failed: 'Échouées',
  ofBefore: { previous: (line: string) => `${line}, période précédente`, year: (line: string) => `${line}, un an plus tôt` },
  last: { hour: 'la dernière heure', day: 'le dernier jour', week: 'la dernière semaine', month: 'le dernier mois' },
  chart: (lines: string, reach: string) => `${lines} : ${reach} ; les chiffres sont dans le tableau ci-dessous`,
  barLeads: 'Une barre mène à ses transactions, tout comme une ligne des chiffres.',
  numbers: 'Chiffres',
  chartNumbers: 'Chiffres du graphique',
  liveTransactions: 'Transactions en direct',
  allTransactions: 'Toutes',
  waitingForNext: 'En attente du prochain webhook',
  alerts: 'Alertes',
  alert: (name: string) => `${name} :`,
};

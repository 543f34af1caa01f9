import type { Known } from '../words';

/** The words of the contract in French; those of a transaction agree with « paiement », as they are read beside one. */
export const words: Record<Known, string> = {
  COMPLETED: 'Abouti', PENDING: 'En attente', FAILED: 'Échoué', RETURNED: 'Retourné', CANCELLED: 'Annulé',
  PAYMENT: 'Paiement', REFUND: 'Remboursement', CHARGEBACK: 'Rétrofacturation', SETTLEMENT: 'Règlement', PAYOUT: 'Versement',
  VERIFICATION: 'Vérification', WON: 'Gagné', LOST: 'Perdu', live: 'Production', test: 'Test',
  SUBMITTED: 'Soumis', IN_REVIEW: 'En cours d’examen', APPROVED: 'Approuvé', ACTIVE: 'Actif', ENABLED: 'Activé', DISABLED: 'Désactivé',
  CLOSED: 'Clôturé', UNKNOWN: 'Inconnu', ACH: 'ACH', BACS: 'BACS', EFT: 'EFT', SEPA: 'SEPA', CARD: 'Carte', credit_card: 'Carte de crédit', direct_debit: 'Prélèvement',
  transaction: 'Transaction', account: 'Compte', other: 'Autre',

  healthy: 'En bonne santé', operational: 'Opérationnel', degraded: 'Dégradé', away: 'Injoignable', critical: 'Critique',
  warning: 'Avertissement', stalled: 'Bloqué', paused: 'En pause', active: 'Actif', enabled: 'Activé', disabled: 'Désactivé',
  delivered: 'Livré', failed: 'En échec', failing: 'En difficulté', unreadable: 'Illisible', refused: 'Refusé', conflict: 'Conflit',
  running: 'En cours', finished: 'Terminé', stopped: 'Interrompu', open: 'Ouvert', ignored: 'Ignoré', 'taken-over': 'Repris',
  missingHere: 'Absente ici', missingThere: 'Absente du rapport', differing: 'Différente', malformed: 'Mal formée',
  ending: 'Se termine', 'no-key': 'Sans clé', off: 'Désactivé', 'this-session': 'Cette session', 'locked-out': 'Bloqué',
  revoked: 'Révoqué', expired: 'Expiré',
  'read-only': 'Lecture seule', member: 'Membre', 'company-administrator': 'Administrateur de société', administrator: 'Administrateur',

  amount: 'Montant', currency: 'Devise', status: 'Statut', kind: 'Type', time: 'Heure', id: 'ID', merchantRefNum: 'Référence',

  accepted: 'Acceptés', duplicates: 'Doublons', processed: 'Traités', responses: 'Réponses',

  transactions: 'Transactions', 'transactions totals': 'Totaux des transactions', accounts: 'Comptes', events: 'Événements',
  event: 'Événement', 'analytics hour': 'Analyses, heure', 'analytics day': 'Analyses, jour', 'analytics week': 'Analyses, semaine',
  'analytics month': 'Analyses, mois', 'analytics span': 'Analyses, période',

  'database-away': 'Base de données injoignable', 'database-writes': 'Écritures en base', 'redis-away': 'Redis injoignable',
  'no-live-worker': 'Aucun worker actif', 'queue-backlog': 'File d’attente engorgée', 'oldest-job': 'Tâche la plus ancienne',
  'failure-rate': 'Taux d’échec', 'dead-letters': 'Échecs définitifs', 'figures-differ': 'Chiffres divergents',
  'receiver-failing': 'Récepteur en difficulté', 'cache-hit-rate': 'Taux de succès du cache', 'redis-memory': 'Mémoire de Redis',
  'redis-persistence': 'Persistance de Redis', chargebacks: 'Rétrofacturations', silence: 'Silence', 'late-webhooks': 'Webhooks tardifs',
  redeliveries: 'Renvois', 'endpoint-failing': 'Point de terminaison en difficulté',
};

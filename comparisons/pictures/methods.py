"""The pictures of a comparison as methods; matplotlib is imported when one is drawn."""

from __future__ import annotations

from typing import TYPE_CHECKING

from comparisons.kept.facts import Facts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure, SubFigure

__all__ = ["Pictured"]


class Pictured(Facts):
    """A comparison that can be drawn. Each method returns the figure that it drew in.

    figure: an empty figure or subfigure of yours to draw into, in place of a new one.
    ax: axes of yours to draw on, for pictures of one panel; title and caption are left to you.
    labels: what to call the components in this picture, in the order of their labels.

    >>> Pictured(comparison.tree).plot_deviance().savefig("deviance.png")
    """

    def plot_posterior(
        self, *, figure: Figure | SubFigure | None = None, labels: Sequence[str] | None = None
    ) -> Figure:
        """Draw each parameter's posterior with EM's estimate and its standard-error curve.

        >>> comparison.plot_posterior(labels=["quiet", "busy"]).axes[2].get_xlabel()
        'rate[quiet]'
        """
        return self._drawn("posterior", figure, labels=labels)

    def plot_data(
        self,
        *,
        ax: Axes | None = None,
        figure: Figure | SubFigure | None = None,
        labels: Sequence[str] | None = None,
    ) -> Figure:
        """Draw the data with plug-in density, components and predictive band.

        Several columns are drawn one by one, as by `plot_columns`.

        >>> from matplotlib.figure import Figure
        >>> axes = Figure().subplots(1, 2)
        >>> _ = comparison.plot_data(ax=axes[0])
        >>> axes[0].get_xlabel(), axes[1].get_xlabel()
        ('count', '')
        """
        return self._drawn(
            "data" if self.rows.x.ndim == 1 else "columns", figure, ax, labels=labels
        )

    def plot_columns(
        self, *, figure: Figure | SubFigure | None = None, labels: Sequence[str] | None = None
    ) -> Figure:
        """Draw several columns one by one, each with the densities of both answers.

        >>> comparison.plot_columns()  # of counts in no order
        Traceback (most recent call last):
        models.refusal.Refusal: there is one column only; see the data
        """
        return self._drawn("columns", figure, labels=labels)

    def plot_plane(
        self, *, figure: Figure | SubFigure | None = None, labels: Sequence[str] | None = None
    ) -> Figure:
        """Draw several columns' data with EM's ellipses and the posterior's.

        >>> comparison.plot_plane()  # of counts in no order
        Traceback (most recent call last):
        models.refusal.Refusal: one column has no plane to draw; see the data
        """
        return self._drawn("plane", figure, labels=labels)

    def plot_ascent(
        self, *, ax: Axes | None = None, figure: Figure | SubFigure | None = None
    ) -> Figure:
        """Draw how EM climbed from every start.

        >>> comparison.plot_ascent().savefig("ascent.png")
        """
        return self._drawn("ascent", figure, ax)

    def plot_deviance(
        self, *, ax: Axes | None = None, figure: Figure | SubFigure | None = None
    ) -> Figure:
        """Draw the draws' deviance from the estimate against chi-squared.

        >>> comparison.plot_deviance().savefig("deviance.png")
        """
        return self._drawn("deviance", figure, ax)

    def plot_misfit(
        self, *, ax: Axes | None = None, figure: Figure | SubFigure | None = None
    ) -> Figure:
        """Draw observed against fitted distribution: does the model fit?

        >>> comparison.plot_misfit().savefig("misfit.png")
        """
        return self._drawn("misfit", figure, ax)

    def plot_categories(
        self, *, figure: Figure | SubFigure | None = None, labels: Sequence[str] | None = None
    ) -> Figure:
        """Draw the largest probabilities of each component, for labels.

        >>> comparison.plot_categories()  # of counts in no order
        Traceback (most recent call last):
        models.refusal.Refusal: observations are no labels; see the data
        """
        return self._drawn("categories", figure, labels=labels)

    def plot_shares(
        self, *, figure: Figure | SubFigure | None = None, labels: Sequence[str] | None = None
    ) -> Figure:
        """Draw the components' shares of each group.

        >>> comparison.plot_shares()  # of counts in no order
        Traceback (most recent call last):
        models.refusal.Refusal: rows are in no groups; there is nothing to draw
        """
        return self._drawn("shares", figure, labels=labels)

    def plot_cells(
        self, *, ax: Axes | None = None, figure: Figure | SubFigure | None = None
    ) -> Figure:
        """Draw observed shares of a table's cells against fitted ones.

        >>> comparison.plot_cells()  # of counts in no order
        Traceback (most recent call last):
        models.refusal.Refusal: rows are in no groups; there is nothing to draw
        """
        return self._drawn("cells", figure, ax)

    def plot_memberships(
        self,
        *,
        ax: Axes | None = None,
        figure: Figure | SubFigure | None = None,
        labels: Sequence[str] | None = None,
    ) -> Figure:
        """Draw who belongs to which group, by EM and by the posterior.

        On axes only where memberships of all components share a panel: those of tables.

        >>> [axes.get_title() for axes in comparison.plot_memberships().axes]
        ['group 1', 'group 2']
        """
        return self._drawn("memberships", figure, ax, labels=labels)

    def plot_series(
        self, *, figure: Figure | SubFigure | None = None, labels: Sequence[str] | None = None
    ) -> Figure:
        """Draw rows in time with their states.

        >>> comparison.plot_series()  # of counts in no order
        Traceback (most recent call last):
        models.refusal.Refusal: rows have no order; there is nothing to draw
        """
        return self._drawn("series", figure, labels=labels)

    def plot_dwell(
        self, *, figure: Figure | SubFigure | None = None, labels: Sequence[str] | None = None
    ) -> Figure:
        """Draw how long states last.

        >>> comparison.plot_dwell()  # of counts in no order
        Traceback (most recent call last):
        models.refusal.Refusal: rows have no order; there is nothing to draw
        """
        return self._drawn("dwell", figure, labels=labels)

    def plot_residuals(self, *, figure: Figure | SubFigure | None = None) -> Figure:
        """Draw how well each row is predicted from those before it.

        >>> comparison.plot_residuals()  # of counts in no order
        Traceback (most recent call last):
        models.refusal.Refusal: rows have no order; there is nothing to draw
        """
        return self._drawn("residuals", figure)

    def plot_pairs(
        self, *, figure: Figure | SubFigure | None = None, labels: Sequence[str] | None = None
    ) -> Figure:
        """Draw pairs of parameters with EM's ellipse.

        >>> from matplotlib.figure import Figure
        >>> left, right = Figure(figsize=(12, 6)).subfigures(1, 2)
        >>> whole = comparison.plot_pairs(figure=left)
        >>> len(left.axes), len(right.axes)
        (3, 0)
        """
        return self._drawn("pairs", figure, labels=labels)

    def _drawn(
        self,
        name: str,
        figure: Figure | SubFigure | None,
        ax: Axes | None = None,
        *,
        labels: Sequence[str] | None = None,
    ) -> Figure:
        """Draw a picture where it is wanted."""
        from comparisons.pictures.catalogue import KINDS
        from comparisons.pictures.style import drawn_on

        facts = self if labels is None else self.with_titles(labels)
        with drawn_on(figure, ax):
            return KINDS[name].draw(facts)

def page(card, maps):
    return ""
